import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { cutSessions } from '#test/support/chaos/cut-sessions.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { ourSessions } from '#test/support/chaos/our-sessions.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { runCommand } from '#test/support/run-command.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const CUTS = rounds.cuts;
const OF_EACH = CUTS / 4;
const SLOTS = 3;
const OLD_KYSELY = import.meta.resolve('#test/support/chaos/use-old-kysely.ts');
const UNGUARDED = fileURLToPath(import.meta.resolve('#test/support/chaos/unguarded-sessions.ts'));

describe('H2: sessions whose connections are cut at a point of their conversation', () => {
  const figures = new Figures('H2', CUTS);
  let database: TestDatabase;

  beforeEach(async () => {
    database = await TestDatabase.create({ empty: true });
    await database.query('create table cuts (id int)');
  });
  afterEach(async () => {
    await database.drop();
  });
  afterAll(figures.publish);

  it('F1: lose no slot of their pool, know what they know, and the pool closes at once', async () => {
    await using proxy = await TcpProxy.start(database.address, { isPostgres: true });
    const sessions = new DatabaseSessionManager();
    await sessions.init(
      database.options({
        connection: { ...database.connection, port: proxy.port },
        poolSize: SLOTS,
        maxOverflow: 0,
      }),
    );

    const { outcomes, isWedged } = await cutSessions(sessions, proxy, CUTS);
    await expect.poll(() => sessions.stats()).toMatchObject({ idle: SLOTS, total: SLOTS });
    await assertClean(sessions);
    const leaked = sessions.stats().total - sessions.stats().idle;
    const atServer = await ourSessions(database.address);
    const closedAt = performance.now();
    await sessions.close();
    const closeMs = performance.now() - closedAt;

    const stored = await database.query<{ id: number }>('select id from cuts');
    figures.note('leaked, idle in transaction', `${leaked}, ${atServer.idleInTransaction}`);
    figures.note('outcomes', outcomes);
    figures.times('close', [closeMs]);
    expect(isWedged).toBe(false);
    expect(outcomes.total).toEqual({
      'begin: DB_CONNECTION_LOST': OF_EACH,
      'first statement: DB_CONNECTION_LOST': OF_EACH,
      'before commit: DB_COMMIT_UNKNOWN': OF_EACH,
      'after commit: DB_COMMIT_UNKNOWN': OF_EACH,
    });
    expect(atServer).toEqual({ pool: SLOTS, idleInTransaction: 0 });
    expect(stored.map(({ id }) => id % 4)).toEqual(Array(OF_EACH).fill(3));
    expect(closeMs).toBeLessThan(10_000);
  });

  it('would be caught losing them: an unguarded pool under kysely 0.29.6 is wedged by the fourth cut', async () => {
    const { stdout, stderr } = await runCommand(
      [process.execPath, '--import', OLD_KYSELY, UNGUARDED],
      { env: { DATABASE_URL: database.url, CUTS: String(CUTS) } },
    );

    expect(stderr).toBe('');
    const report = JSON.parse(stdout);
    figures.control(
      'unguarded, kysely 0.29.6',
      `wedged after ${report.cuts} cuts, ${report.used} leaked`,
    );
    expect(report).toMatchObject({ isWedged: true, cuts: SLOTS, used: SLOTS });
  });
});
