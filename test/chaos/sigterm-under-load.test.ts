import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Figures } from '#test/support/chaos/figures.ts';
import { KeepAliveClient } from '#test/support/chaos/keep-alive-client.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { chaosSeed, seededRandom } from '#test/support/chaos/seeded-random.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { stopAgainAndAgain, stopUnderLoad } from '#test/support/chaos/stop-under-load.ts';
import { storedEmails } from '#test/support/chaos/stored-emails.ts';
import { Tally } from '#test/support/chaos/tally.ts';
import { until } from '#test/support/until.ts';
import { WriteHistory } from '#test/support/chaos/write-history.ts';
import { withClient } from '#test/support/databases.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const DRAIN_MS = 500;
const GRACE_MS = 12_000;
const STOP_DEADLINE_MS = DRAIN_MS + GRACE_MS + 1000;
/** The same signal within a quarter of a second is the same wish. */
const ANOTHER_WISH_MS = 500;

describe('H5: a service that is told to end', () => {
  const seed = chaosSeed();
  const random = seededRandom(seed);
  const figures = new Figures('H5', rounds.stops, seed);
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeEach(async () => {
    database = await TestDatabase.create();
    env = {
      DATABASE_URL: database.url,
      SHUTDOWN_DRAIN_MS: String(DRAIN_MS),
      SHUTDOWN_GRACE_MS: String(GRACE_MS),
    };
  });
  afterEach(async () => {
    await database.drop();
  });
  afterAll(figures.publish);

  it('by SIGTERM answers all of fifty keep-alive clients and exits with 0, every time', async () => {
    const history = new WriteHistory(seed);
    const answers = new Tally();
    const stops = await stopAgainAndAgain(rounds.stops, {
      env,
      signal: 'SIGTERM',
      random,
      history,
      answers,
    });

    const stopMs = stops.map((stop) => stop.stopMs);
    figures.note('answers', answers);
    figures.times(`stop with a drain of ${DRAIN_MS}`, stopMs);
    expect(answers.except(/^20[01]$/)).toEqual({});
    expect(stops.map(({ code }) => code)).toEqual(Array(rounds.stops).fill(0));
    expect(Math.max(...stopMs)).toBeLessThan(STOP_DEADLINE_MS);
    expect(history.verify(await storedEmails(database.address)).lost).toEqual([]);
  });

  it('would be caught breaking connections: a killed one does', async () => {
    const answers = new Tally();

    await stopUnderLoad({
      env,
      signal: 'SIGKILL',
      random,
      history: new WriteHistory(seed),
      answers,
    });

    figures.control('connections broken by SIGKILL', answers.count(/^broken/));
    expect(answers.count(/^broken/)).toBeGreaterThan(0);
  });

  it('by SIGINT exits with 0 as well', async () => {
    await using service = await ServiceProcess.start({ env });
    await service.logged('service.ready');

    service.signal('SIGINT');

    expect(await service.ended).toEqual({ code: 0, signal: null });
  });

  it.for([
    { second: 'SIGTERM', code: 143 },
    { second: 'SIGINT', code: 130 },
  ] as const)(
    'exits with $code at once at a second signal, $second, while a request hangs',
    async ({ second, code }) => {
      await using service = await ServiceProcess.start({ env });
      await service.logged('service.ready');
      const client = new KeepAliveClient(service.url);
      const { endedAt, ending, hung } = await withClient(database.address, async (holder) => {
        await holder.query('begin; lock table users in access exclusive mode');
        const hung = client.send('GET', '/users');
        await until('the request waits for the lock', async () => {
          const [row] = await database.query(
            `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
          );
          return row;
        });
        service.signal('SIGTERM');
        await service.logged('service.stopping');
        await delay(ANOTHER_WISH_MS);
        const secondAt = performance.now();
        service.signal(second);
        const ending = await service.ended;
        return { ending, endedAt: performance.now() - secondAt, hung: await hung };
      });
      client.close();

      figures.times(`exit after a second signal, ${second}`, [endedAt]);
      expect(ending).toEqual({ code, signal: null });
      expect(hung.kind).toBe('broken');
      expect(endedAt).toBeLessThan(1000);
    },
  );
});
