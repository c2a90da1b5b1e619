import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HealthProbe } from '#database/health/health-probe.ts';
import { SessionPeaks } from '#test/support/chaos/session-peaks.ts';
import { Tally } from '#test/support/chaos/tally.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPool } from '#test/support/test-pools.ts';

const BORROWERS = 40;
const CYCLES = 10;
const SIZE = 3;
const OVERFLOW = 5;
const ROLE_LIMIT = 5;

let database: TestDatabase;
const pools = new TestPools();

beforeAll(async () => {
  database = await TestDatabase.create({ empty: true });
});

afterEach(async () => {
  await pools.closeAll();
});

afterAll(async () => {
  await database.drop();
});

/** Borrowers that come together, each as often as told: what became of each time, and the most connections at once. */
async function borrow({ pool, options }: TestPool, cycles: number) {
  const outcomes = new Tally();
  const sessions = new SessionPeaks(database.address, options.applicationName);
  let peak = 0;
  await Promise.all(
    Array.from({ length: BORROWERS }, async () => {
      for (let cycle = 0; cycle < cycles; cycle += 1) {
        try {
          const lease = await pool.connect();
          peak = Math.max(peak, pool.stats().total);
          await lease.query('select pg_sleep(0.002)').finally(() => lease.release());
          outcomes.add('ok');
        } catch (error) {
          outcomes.add(String(Reflect.get(Object(error), 'code')));
        }
      }
    }),
  );
  await sessions[Symbol.asyncDispose]();
  return { outcomes, peaks: { pool: peak, server: sessions.pool } };
}

describe(`${BORROWERS} borrowers of ${SIZE} connections and an overflow`, () => {
  const overflowing = (maxOverflow: number) =>
    pools.open(database, { poolSize: SIZE, maxOverflow, idleTimeoutMs: 200 });

  it(`F21: meet ${SIZE + OVERFLOW} at most, at the server as well, and leave ${SIZE}`, async () => {
    const tested = overflowing(OVERFLOW);
    tested.pool.start();

    const { outcomes, peaks } = await borrow(tested, CYCLES);

    expect(outcomes.total).toEqual({ ok: BORROWERS * CYCLES });
    expect(peaks).toEqual({ pool: SIZE + OVERFLOW, server: SIZE + OVERFLOW });
    await expect.poll(() => tested.pool.stats().total, { timeout: 10_000 }).toBe(SIZE);
    await expect.poll(tested.sessions).toBe(SIZE);
    expect(tested.closed).toEqual(Array.from({ length: OVERFLOW }, () => 'idle'));
  });

  it('F21 control: are seen to meet one more where there is one more', async () => {
    const { peaks } = await borrow(overflowing(OVERFLOW + 1), CYCLES);

    expect(peaks).toEqual({ pool: SIZE + OVERFLOW + 1, server: SIZE + OVERFLOW + 1 });
  });
});

describe(`a role that may connect ${ROLE_LIMIT} times`, () => {
  const role = `limited_${randomBytes(4).toString('hex')}`;
  const limited = () => ({
    ...database.connection,
    user: role,
    password: { reveal: () => 'limited' },
  });

  beforeAll(async () => {
    await database.createRole(role, `login password 'limited' connection limit ${ROLE_LIMIT}`);
  });

  afterAll(async () => {
    await database.dropRole(role);
  });

  it(`F23: is served with ${ROLE_LIMIT} where the pool would have 20, and called busy, not down`, async () => {
    const tested = pools.open(database, {
      connection: limited(),
      poolSize: 20,
      acquireTimeoutMs: 20_000,
    });
    const { pool, failed } = tested;
    const probe = new HealthProbe({
      connection: limited(),
      poolName: 'limited',
      connectTimeoutMs: 2000,
      expectedMigrations: [],
      isPooled: false,
      poolStats: () => pool.stats(),
      gate: pool.gate,
    });

    pool.start();
    const first = await borrow(tested, 1);
    const { outcomes, peaks } = await borrow(tested, CYCLES);
    await probe.start();
    const { state, code } = probe.verdict();
    await probe.stop();

    // Those who came when no connection was there to come back were told why.
    expect(first.outcomes.except(/^ok$|^DB_TOO_MANY_CONNECTIONS$/)).toEqual({});
    expect(outcomes.total).toEqual({ ok: BORROWERS * CYCLES });
    expect(peaks.server).toBe(ROLE_LIMIT);
    await expect
      .poll(() => pool.stats(), { timeout: 15_000 })
      .toMatchObject({ used: 0, waiting: 0, idle: ROLE_LIMIT, connecting: 0 });
    expect(new Set(failed)).toEqual(new Set(['DB_TOO_MANY_CONNECTIONS']));
    expect({ state, code }).toEqual({ state: 'saturated', code: 'DB_TOO_MANY_CONNECTIONS' });
  });

  it('F23 control: fails most of the borrowers of a pool that does not wait for what comes back', async () => {
    const { host, port } = database.address;
    const plain = new pg.Pool({
      host,
      port,
      user: role,
      password: 'limited',
      database: database.address.database,
      ssl: false,
      max: 20,
    });

    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => plain.query('select pg_sleep(0.2)')),
    );
    await plain.end();

    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(
      20 - ROLE_LIMIT,
    );
  });
});
