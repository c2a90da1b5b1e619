import { afterAll, describe, expect, it, onTestFailed } from 'vitest';
import { clusterDir } from '#database/embedded/cluster.ts';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import { readPostmasterFile } from '#database/embedded/postmaster-file.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { startChaosService } from '#test/support/chaos/chaos-service.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { embeddedAddress } from '#test/support/chaos/embedded-address.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { ourSessions } from '#test/support/chaos/our-sessions.ts';
import { killPostmaster } from '#test/support/chaos/postmaster-kills.ts';
import { chaosSeed, seededRandom } from '#test/support/chaos/seeded-random.ts';
import { WriteHistory } from '#test/support/chaos/write-history.ts';
import { withClient } from '#test/support/databases.ts';
import { temporaryFolder } from '#test/support/embedded-owner.ts';

const KILLS = 5;
/** Ten times what a client may have to wait for a connection. */
const LONGEST_WAIT_MS = 20_000;

describe(
  'a service whose embedded postmaster is killed under sixteen writers',
  { timeout: 120_000 },
  () => {
    const seed = chaosSeed();
    const figures = new Figures(`postmaster killed ${KILLS} times (CHAOS_SEED=${seed})`);
    afterAll(() => figures.print());

    it('lives, answers 503 meanwhile, is back without a restart and has lost no acknowledged write', async () => {
      const folder = temporaryFolder('chaos');
      using _folder = { [Symbol.dispose]: folder.remove };
      await using service = await startChaosService({ dataDir: folder.path });
      const server = embeddedAddress(folder.path);
      const history = new WriteHistory(seed);
      onTestFailed(async () => console.error(`the history is in ${await history.save()}`));

      const { writers, stored, awayMs, recoveryMs, live } = await killPostmaster({
        url: service.url,
        server,
        postmasterPid: () => readPostmasterFile(clusterDir(folder.path))?.pid,
        kills: KILLS,
        random: seededRandom(seed),
        history,
      });

      figures.times('server away', awayMs);
      figures.times('recovery after the server accepts', recoveryMs);
      figures.note('longest request, ms', Math.round(history.longestMs));
      figures.note('answers', writers.answers);
      figures.note('acknowledged, unknown', `${history.count('ok')}, ${history.count('unknown')}`);
      expect(history.verify(stored)).toEqual({ lost: [], phantom: [], duplicate: [] });
      expect(writers.answers.except(/^201$|^503 DB_|^500 DB_COMMIT_UNKNOWN$/)).toEqual({});
      expect(writers.answers.count(/^503 /)).toBeGreaterThan(0);
      expect(writers.malformed).toEqual([]);
      expect(live).toEqual(Array(KILLS).fill('200'));
      expect(history.longestMs).toBeLessThan(LONGEST_WAIT_MS);
      await assertClean(service);
      await expect
        .poll(() => ourSessions(server))
        .toEqual({
          pool: service.stats().total,
          idleInTransaction: 0,
        });
    });

    it('would be caught losing acknowledged writes: a server without synchronous commit does', async () => {
      const folder = temporaryFolder('chaos');
      using _folder = { [Symbol.dispose]: folder.remove };
      await using server = await startEmbeddedPostgres({
        dataDir: folder.path,
        persistent: false,
        settings: { synchronous_commit: 'off', wal_writer_delay: '10s' },
      });
      await using service = await startChaosService({
        env: { DATABASE_URL: databaseUrl(server.connection) },
      });
      // Else the tables would be lost as well.
      await withClient(server.connection, (client) => client.query('checkpoint'));
      const history = new WriteHistory(seed);

      const { stored } = await killPostmaster({
        url: service.url,
        server: server.connection,
        postmasterPid: () => server.pid,
        kills: 1,
        random: seededRandom(seed),
        history,
      });

      const { lost } = history.verify(stored);
      figures.note('lost by the control', `${lost.length} of ${history.count('ok')}`);
      expect(lost.length).toBeGreaterThan(0);
    });
  },
);
