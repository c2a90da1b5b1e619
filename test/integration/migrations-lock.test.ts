import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { migrate } from '#database/migrations/migrate.ts';
import { MIGRATION_LOCK_KEY } from '#database/migrations/migration-lock.ts';
import { catalogOf, recordedMigrations } from '#test/support/catalog.ts';
import { withClient } from '#test/support/databases.ts';
import { startMigrating } from '#test/support/migrate-process.ts';
import { migrationsFolder } from '#test/support/migrations-folder.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const NAP = { title: 'nap', up: ['select pg_sleep(60)'] };
const TABLE = { title: 'table', up: ['create table "made" ()'] };

function options(database: TestDatabase, migrationsDir: string) {
  return { connection: database.connection, entities: [], migrationsDir };
}

/** Server processes of migration runs that are in the long statement. */
async function napping(database: TestDatabase): Promise<readonly number[]> {
  const rows = await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and state = 'active'
       and application_name = 'tidegauge/migrate' and query like '%pg_sleep%'`,
  );
  return rows.map(({ pid }) => pid);
}

/** Server processes of migration runs that have asked for the lock. */
async function asking(database: TestDatabase): Promise<readonly number[]> {
  const rows = await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database()
       and application_name = 'tidegauge/migrate' and query like '%pg_try_advisory_lock%'`,
  );
  return rows.map(({ pid }) => pid);
}

/** Takes the lock as another migration run would, and keeps it while `work` runs. */
async function holding<T>(database: TestDatabase, work: () => Promise<T>): Promise<T> {
  return await withClient(database.address, async (client) => {
    await client.query('select pg_advisory_lock($1::bigint)', [MIGRATION_LOCK_KEY]);
    return await work();
  });
}

describe('the migration lock', () => {
  it('has a key that is the same in every release', () => {
    expect(MIGRATION_LOCK_KEY).toBe('-4395916365113791055');
  });

  it('is waited for no longer than allowed, and the error names its holder', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(TABLE);
    const startedAt = performance.now();

    const run = holding(database, () =>
      migrate({ ...options(database, folder.path), lockTimeoutMs: 500 }),
    );

    await expect(run).rejects.toMatchObject({
      code: 'DB_MIGRATION_LOCKED',
      message: expect.stringMatching(
        /another migration run \(server process \d+, tidegauge-test\)/,
      ),
      details: { waitedMs: expect.any(Number), holderPid: expect.any(Number) },
    });
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(await catalogOf(database)).toStrictEqual([]);
  });

  it('is no longer waited for when the signal aborts', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(TABLE);
    const stopping = new AbortController();

    const run = holding(database, () => {
      setTimeout(() => stopping.abort(new Error('stopping')), 200);
      return migrate({ ...options(database, folder.path), signal: stopping.signal });
    });

    await expect(run).rejects.toThrow('stopping');
  });

  it('keeps a service that stops waiting no longer, which is no error', async () => {
    await using database = await TestDatabase.create({ empty: true });

    await holding(database, async () => {
      await using service = await ServiceProcess.start({
        env: { DATABASE_URL: database.url, MIGRATE_ON_START: 'true' },
      });
      await expect.poll(() => asking(database), { timeout: 10_000 }).toHaveLength(1);

      expect(await service.stop()).toBe(0);
      expect(service.logs.filter(({ level }) => level === 'error')).toEqual([]);
    });
  });

  it('of one database does not keep another one waiting', async () => {
    await using held = await TestDatabase.create({ empty: true });
    await using free = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(TABLE);

    const { applied } = await holding(held, () => migrate(options(free, folder.path)));

    expect(applied).toHaveLength(1);
  });

  it('is free again after a migration that failed', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using broken = migrationsFolder({ title: 'broken', up: ['select * from "nothing"'] });
    using folder = migrationsFolder(TABLE);

    await expect(migrate(options(database, broken.path))).rejects.toMatchObject({
      code: 'DB_SCHEMA',
    });
    const { applied } = await migrate({ ...options(database, folder.path), lockTimeoutMs: 0 });

    expect(applied).toHaveLength(1);
  });

  it('is free again at once when its holder is killed in a long statement', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using slow = migrationsFolder(NAP);
    using folder = migrationsFolder(TABLE);
    const holder = startMigrating(database.connection, slow.path);
    await expect.poll(() => napping(database), { timeout: 10_000 }).toHaveLength(1);
    const waiting = migrate(options(database, folder.path));
    const first = await Promise.race([waiting, delay(1000, 'still waiting')]);
    expect(first).toBe('still waiting');

    holder.child.kill('SIGKILL');
    const killedAt = performance.now();
    await holder.ended;
    const { applied } = await waiting;

    expect(performance.now() - killedAt).toBeLessThan(5000);
    expect(applied).toHaveLength(1);
    expect(await recordedMigrations(database)).toStrictEqual(applied);
  });

  it('that is lost to another run in the middle of a migration undoes the migration', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder({
      title: 'loses_its_lock',
      up: [
        'create table "half" ()',
        `select pg_advisory_unlock(${MIGRATION_LOCK_KEY})`,
        'select pg_sleep(1)',
      ],
    });

    const run = migrate(options(database, folder.path));
    run.catch(() => undefined);
    await expect.poll(() => napping(database), { timeout: 10_000 }).toHaveLength(1);
    await holding(database, () =>
      expect(run).rejects.toMatchObject({ code: 'DB_MIGRATION_LOCKED' }),
    );

    expect(await catalogOf(database)).toStrictEqual([]);
    expect(await recordedMigrations(database)).toStrictEqual([]);
  });
});
