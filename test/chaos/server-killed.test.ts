import { afterAll, describe, expect, it, onTestFailed } from 'vitest';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { ourSessions } from '#test/support/chaos/our-sessions.ts';
import { examinePool } from '#test/support/chaos/pool-afterwards.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { chaosSeed, seededRandom } from '#test/support/chaos/seeded-random.ts';
import { killServer } from '#test/support/chaos/server-kills.ts';
import type { Victim } from '#test/support/chaos/server-kills.ts';
import { WriteHistory } from '#test/support/chaos/write-history.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { ServiceProcess } from '#test/support/service-process.ts';

const KILLS = rounds.kills;
const SLOTS = 4;
/** Three of ten kills hit the postmaster. */
const VICTIMS = Array.from({ length: KILLS }, (_, kill): Victim =>
  kill % 10 > 6 ? 'postmaster' : 'backend',
);
/** Ten times what a client may have to wait for a connection. */
const LONGEST_WAIT_MS = 20_000;

describe('H1: a service whose server is killed under sixteen writers', () => {
  const seed = chaosSeed();
  const figures = new Figures('H1', KILLS, seed);
  afterAll(figures.publish);

  const serviceOn = (url: string) =>
    ServiceProcess.start({
      env: {
        DATABASE_URL: url,
        MIGRATE_ON_START: 'true',
        DB_POOL_SIZE: '2',
        DB_MAX_OVERFLOW: '2',
      },
    });

  it('F5: loses no acknowledged write, no slot and not its life, and answers 503 meanwhile', async () => {
    await using server = await startOwnServer();
    await using service = await serviceOn(databaseUrl(server.connection));
    await service.logged('service.ready');
    const history = new WriteHistory(seed);
    onTestFailed(async () => console.error(`the history is in ${await history.save()}`));

    const { writers, stored, awayMs, recoveryMs, live } = await killServer({
      url: service.url,
      server,
      victims: VICTIMS,
      random: seededRandom(seed),
      history,
    });
    const after = await examinePool(service.url, server.connection);
    const atServer = await ourSessions(server.connection);
    const code = await service.stop();

    const { lost, phantom, duplicate } = history.verify(stored);
    figures.note(
      'lost, phantom, duplicate',
      `${lost.length}, ${phantom.length}, ${duplicate.length} of ${history.count('ok')} acknowledged`,
    );
    figures.note('unknown outcomes', history.count('unknown'));
    figures.note('slots in use afterwards, exit code', `${after.gauge.used}, ${code}`);
    figures.times('server away', awayMs);
    figures.times('recovery after the server accepts', recoveryMs);
    figures.note('longest request, ms', Math.round(history.longestMs));
    figures.note('answers', writers.answers);
    expect({ lost, phantom, duplicate }).toEqual({ lost: [], phantom: [], duplicate: [] });
    expect(writers.answers.except(/^201$|^503 DB_|^500 DB_COMMIT_UNKNOWN$/)).toEqual({});
    expect(writers.answers.count(/^503 /)).toBeGreaterThan(0);
    expect(writers.malformed).toEqual([]);
    expect(live.total).toEqual({ '200': KILLS });
    expect(history.longestMs).toBeLessThan(LONGEST_WAIT_MS);
    expect(after.gauge).toEqual({ idle: after.sessions, used: 0, connecting: 0, max: SLOTS });
    expect(after).toMatchObject({ leased: SLOTS, answers: { total: { '201': SLOTS } } });
    expect(atServer).toEqual({ pool: SLOTS, idleInTransaction: 0 });
    expect(code).toBe(0);
  });

  it('would be caught losing acknowledged writes: a server without synchronous commit does', async () => {
    await using server = await startOwnServer({
      synchronous_commit: 'off',
      wal_writer_delay: '10s',
    });
    await using service = await serviceOn(databaseUrl(server.connection));
    await service.logged('service.ready');
    // Else the tables would be lost as well.
    await withClient(server.connection, (client) => client.query('checkpoint'));
    const history = new WriteHistory(seed);

    const { stored } = await killServer({
      url: service.url,
      server,
      victims: ['postmaster'],
      random: seededRandom(seed),
      history,
    });

    const { lost } = history.verify(stored);
    figures.control('lost without synchronous commit', `${lost.length} of ${history.count('ok')}`);
    expect(lost.length).toBeGreaterThan(0);
  });
});
