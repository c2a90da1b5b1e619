import { afterAll, describe, expect, it, onTestFailed } from 'vitest';
import { startChaosService } from '#test/support/chaos/chaos-service.ts';
import type { ChaosService } from '#test/support/chaos/chaos-service.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { heldRoute } from '#test/support/chaos/held-route.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { chaosSeed } from '#test/support/chaos/seeded-random.ts';
import { storedEmails } from '#test/support/chaos/stored-emails.ts';
import { UserWriters } from '#test/support/chaos/user-writers.ts';
import { WriteHistory } from '#test/support/chaos/write-history.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { PgBouncer, hasPgBouncer } from '#test/support/pgbouncer.ts';
import { restartServer } from '#test/support/restart-server.ts';
import { until } from '#test/support/until.ts';

const ROUNDS = rounds.poolerFaults;
const WRITERS = 8;
const SLOTS = 4;
/** Acknowledged writes that show that the service is really back. */
const WRITES_TO_BE_BACK = 50;

describe.runIf(hasPgBouncer())('F31: a PgBouncer and its server that end under writers', () => {
  const seed = chaosSeed();
  const figures = new Figures('F31', ROUNDS, seed);
  afterAll(figures.publish);

  it('cost no acknowledged write and no slot, and are answered 503 meanwhile', async () => {
    await using server = await startOwnServer();
    await using bouncer = await PgBouncer.start(server.connection);
    await using service = await startChaosService(
      {
        DATABASE_URL: databaseUrl(bouncer.address()),
        DATABASE_DIRECT_URL: databaseUrl(server.connection),
        DB_POOLER: 'pgbouncer',
        DB_POOL_SIZE: '2',
        DB_MAX_OVERFLOW: String(SLOTS - 2),
      },
      [heldRoute],
    );
    const history = new WriteHistory(seed);
    onTestFailed(async () => console.error(`the history is in ${await history.save()}`));
    const writers = new UserWriters(service.url, WRITERS, history);
    const recovered: Record<string, number[]> = {};
    const after = async (fault: string, make: () => Promise<void>) => {
      await make();
      const madeAt = performance.now();
      const known = history.count('ok');
      await until(`writes are acknowledged after ${fault}`, () =>
        history.count('ok') >= known + WRITES_TO_BE_BACK ? true : undefined,
      );
      (recovered[fault] ??= []).push((history.firstOkAfter(madeAt) ?? Infinity) - madeAt);
    };

    for (let round = 0; round < ROUNDS; round += 1) {
      await after('pgbouncer killed', async () => {
        await bouncer.kill();
        await bouncer.up();
      });
      await after('server restarted', () => restartServer(server));
    }
    await writers.stop();
    const verdict = history.verify(await storedEmails(server.connection));
    const leased = await leasedAtOnce(service);

    for (const [fault, ms] of Object.entries(recovered)) figures.times(`back, ${fault}`, ms);
    figures.note('answers', writers.answers);
    expect(verdict).toEqual({ lost: [], phantom: [], duplicate: [] });
    expect(writers.answers.except(/^201$|^503 DB_|^500 DB_COMMIT_UNKNOWN$/)).toEqual({});
    expect(writers.answers.count(/^503 /)).toBeGreaterThan(0);
    expect(writers.malformed).toEqual([]);
    expect(leased).toBe(SLOTS);
  });
});

/** How many connections can be held at the same time once nobody wants any. */
async function leasedAtOnce(service: ChaosService): Promise<number> {
  await until('the pool is at rest', () => {
    const { used, connecting } = service.stats();
    return used + connecting === 0 ? true : undefined;
  });
  const requests = Array.from({ length: SLOTS }, () => fetch(`${service.url}/held?ms=500`));
  const peak = await until('all are held', () =>
    service.stats().used === SLOTS ? service.stats().used : undefined,
  );
  await Promise.all(requests);
  return peak;
}
