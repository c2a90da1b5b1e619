import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { heldRoute } from '#test/support/chaos/held-route.ts';
import { KeepAliveClient, nameOfExchange } from '#test/support/chaos/keep-alive-client.ts';
import { Load } from '#test/support/chaos/load.ts';
import { ourSessions } from '#test/support/chaos/our-sessions.ts';
import { requestOnce } from '#test/support/chaos/readiness.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { SessionPeaks } from '#test/support/chaos/session-peaks.ts';
import { Tally } from '#test/support/chaos/tally.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const BORROWERS = 40;
const BORROWS = rounds.borrows;
/** Beside its pool a service has a probe, one connection for figures, and two cancels at a time. */
const BESIDE_POOL = 4;
/** One request in so many is given up by its client while its statement runs. */
const GIVEN_UP = 10;

let database: TestDatabase;

beforeEach(async () => {
  database = await TestDatabase.create();
});
afterEach(async () => {
  await database.drop();
});

const startService = (size: number, overflow: number, env: Record<string, string> = {}) =>
  buildTestService({
    database,
    routes: [heldRoute],
    env: {
      // Where anybody may look at the pool.
      NODE_ENV: 'development',
      LOG_LEVEL: 'fatal',
      DB_QUEUE_LIMIT: '100',
      DB_ACQUIRE_TIMEOUT_MS: '8000',
      DB_POOL_SIZE: String(size),
      DB_MAX_OVERFLOW: String(overflow),
      ...env,
    },
  });

/** Borrows `count` connections, `BORROWERS` at a time, while others look at the pool and the server; some change their minds. */
async function borrow(service: TestService, count: number): Promise<Tally> {
  const answers = new Tally();
  const clients = Array.from({ length: BORROWERS }, () => new KeepAliveClient(service.url));
  let begun = 0;
  const borrowers = new Load(BORROWERS, async (lane) => {
    begun += 1;
    if (begun > count) return false;
    if (begun % GIVEN_UP === 0) {
      const signal = AbortSignal.timeout(4);
      await fetch(`${service.url}/held`, { signal }).catch(() => undefined);
      return true;
    }
    const exchange = await clients[lane]?.send('GET', '/held');
    answers.add(exchange === undefined ? 'bug' : nameOfExchange(exchange));
    return true;
  });
  const onlookers = new Load(2, async (lane) => {
    const page = lane === 0 ? '/pool' : '/metrics';
    answers.add(nameOfExchange(await requestOnce(service.url, page)));
    return true;
  });
  await borrowers.ended();
  await onlookers.stop();
  for (const client of clients) client.close();
  return answers;
}

describe('H7: the bound of a pool', () => {
  const figures = new Figures('H7', BORROWS);
  afterAll(figures.publish);

  it.each([
    { size: 1, overflow: 0 },
    { size: 3, overflow: 5 },
    { size: 5, overflow: 10 },
  ])('of $size + $overflow is never exceeded at the server', async ({ size, overflow }) => {
    const bound = size + overflow;
    await using service = await startService(size, overflow);
    await using peaks = new SessionPeaks(database.address);

    const answers = await borrow(service, BORROWS);

    figures.note(
      `bound ${bound}: peak of the pool, of the service`,
      `${peaks.pool}, ${peaks.service} in ${peaks.looks} looks`,
    );
    expect(answers.except(/^200$/)).toEqual({});
    expect(peaks.pool).toBe(bound);
    expect(peaks.service).toBeLessThanOrEqual(bound + BESIDE_POOL);
    // Whoever has gone away leaves a session that is still being rolled back.
    await expect.poll(() => service.stats().used).toBe(0);
    await assertClean(service);
  });

  it('would be seen exceeded: by borrowers that connect on their own', async () => {
    await using peaks = new SessionPeaks(database.address);

    await new Load(BORROWERS, async () => {
      const client = new pg.Client({
        connectionString: database.url,
        application_name: 'tidegauge/main',
      });
      await client.connect();
      await client.query('select pg_sleep(0.3)');
      await client.end();
      return false;
    }).ended();

    figures.control(`peak of ${BORROWERS} without a pool`, peaks.pool);
    expect(peaks.pool).toBeGreaterThan(15);
  });
});

describe('F21: the overflow of a pool', () => {
  const figures = new Figures('F21', rounds.overflowCycles);
  afterAll(figures.publish);

  it('is there for those who need it, within its bound, and closed afterwards', async () => {
    await using service = await startService(3, 5, { DB_IDLE_TIMEOUT_MS: '500' });
    await using peaks = new SessionPeaks(database.address);
    const answers = new Tally();

    for (let cycle = 0; cycle < rounds.overflowCycles; cycle += 1) {
      await new Load(BORROWERS, async () => {
        answers.add(nameOfExchange(await requestOnce(service.url, '/held')));
        return false;
      }).ended();
    }

    await expect.poll(() => service.stats().total, { timeout: 10_000 }).toBe(3);
    await expect
      .poll(() => ourSessions(database.address))
      .toEqual({ pool: 3, idleInTransaction: 0 });
    figures.note('peak of the pool, of the service', `${peaks.pool}, ${peaks.service}`);
    figures.note('afterwards', service.stats().total);
    expect(answers.total).toEqual({ '200': BORROWERS * rounds.overflowCycles });
    expect(peaks.pool).toBe(8);
    expect(peaks.service).toBeLessThanOrEqual(8 + BESIDE_POOL);
  });
});
