import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { examinePool, killBackends } from '#test/support/chaos/backend-kills.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { ourSessions } from '#test/support/chaos/our-sessions.ts';
import { chaosSeed, seededRandom } from '#test/support/chaos/seeded-random.ts';
import { MAIN, ServiceProcess } from '#test/support/service-process.ts';
import { storedEmails } from '#test/support/chaos/stored-emails.ts';
import { WriteHistory } from '#test/support/chaos/write-history.ts';
import { temporaryFolder } from '#test/support/embedded-owner.ts';

const KILLS = 20;
const SLOTS = 4;
const OLD_KYSELY = new URL(import.meta.resolve('#test/support/chaos/use-old-kysely.ts'));

describe(
  'a pool of four whose backends are killed in their transactions',
  { timeout: 120_000 },
  () => {
    const seed = chaosSeed();
    const figures = new Figures(`backends killed ${KILLS} times (CHAOS_SEED=${seed})`);
    let folder: ReturnType<typeof temporaryFolder>;
    let server: EmbeddedServer;
    let env: Record<string, string>;

    beforeEach(async () => {
      folder = temporaryFolder('chaos');
      server = await startEmbeddedPostgres({ dataDir: folder.path, persistent: false });
      env = {
        DATABASE_URL: databaseUrl(server.connection),
        MIGRATE_ON_START: 'true',
        DB_POOL_SIZE: '2',
        DB_MAX_OVERFLOW: '2',
      };
    });
    afterEach(async () => {
      await server.stop();
      folder.remove();
    });
    afterAll(() => figures.print());

    it('loses no slot: all are idle afterwards and can be leased at once', async () => {
      await using service = await ServiceProcess.start({ env });
      await service.logged('service.ready');
      const { url } = service;
      const history = new WriteHistory(seed);
      onTestFailed(async () => console.error(`the history is in ${await history.save()}`));

      const report = await killBackends({
        url,
        server: server.connection,
        kills: KILLS,
        random: seededRandom(seed),
        history,
      });
      const after = await examinePool(url, server.connection);

      figures.times('recovery after the server accepts', report.recoveryMs);
      figures.note('answers', report.writers.answers);
      figures.note('pool afterwards', JSON.stringify(after.gauge));
      expect(report).toMatchObject({ kills: KILLS, isWedged: false });
      expect(after.gauge).toEqual({ idle: after.sessions, used: 0, connecting: 0, max: SLOTS });
      expect(after).toMatchObject({ leased: SLOTS, answers: { total: { '201': SLOTS } } });
      expect(await ourSessions(server.connection)).toEqual({ pool: SLOTS, idleInTransaction: 0 });
      expect(history.verify(await storedEmails(server.connection))).toEqual({
        lost: [],
        phantom: [],
        duplicate: [],
      });
      expect(report.writers.malformed).toEqual([]);
      expect(report.writers.answers.except(/^201$|^503 DB_|^500 DB_COMMIT_UNKNOWN$/)).toEqual({});
    });

    it('would be caught losing them: the same service with kysely 0.29.6 wedges', async () => {
      await using service = await ServiceProcess.start({
        command: [process.execPath, '--import', OLD_KYSELY.href, MAIN],
        env,
      });
      await service.logged('service.ready');
      const { url } = service;

      const report = await killBackends({
        url,
        server: server.connection,
        kills: KILLS,
        random: seededRandom(seed),
        history: new WriteHistory(seed),
        wedgedMs: 3000,
      });
      const after = await examinePool(url, server.connection);

      figures.note('control wedged after', `${report.kills} kills, ${after.gauge.used} slots lost`);
      expect(report.isWedged).toBe(true);
      expect(after.gauge).toEqual({ idle: 0, used: SLOTS, connecting: 0, max: SLOTS });
      expect(after).toMatchObject({
        leased: 0,
        answers: { total: { '503 DB_POOL_TIMEOUT': SLOTS } },
      });
    });
  },
);
