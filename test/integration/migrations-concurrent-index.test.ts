import { MikroORM } from '@mikro-orm/postgresql';
import { describe, expect, it } from 'vitest';
import { BoundConnection } from '#database/bound-connection.ts';
import { migrate } from '#database/migrations/migrate.ts';
import {
  assertLockHeld,
  MIGRATION_LOCK_KEY,
  withMigrationLock,
} from '#database/migrations/migration-lock.ts';
import { migrationOrmOptions } from '#database/migrations/migration-orm-options.ts';
import { catalogOf, recordedMigrations } from '#test/support/catalog.ts';
import { withClient } from '#test/support/databases.ts';
import { startMigrating } from '#test/support/migrate-process.ts';
import { migrationsFolder } from '#test/support/migrations-folder.ts';
import type { WrittenMigration } from '#test/support/migrations-folder.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const BUILD = 'create unique index concurrently if not exists "wide_at_idx" on "wide" ("at")';
const TABLE = { title: 'table', up: ['create table "wide" ("at" int)'] };
const INDEX: WrittenMigration = { title: 'index', up: [BUILD], isTransactional: false };
const LIMITS = { lockTimeoutMs: 200, lockRetryMs: 0, statementTimeoutMs: 0 };

/** Resolves when the answer is yes. */
const isSo = async (ask: () => Promise<boolean>) =>
  await expect.poll(ask, { timeout: 20_000 }).toBe(true);

function options(database: TestDatabase, migrationsDir: string) {
  return { connection: database.connection, entities: [], migrationsDir, limits: LIMITS };
}

/** Of the table's indexes: whether each is valid. */
async function indexes(database: TestDatabase): Promise<Readonly<Record<string, boolean>>> {
  const rows = await database.query<{ name: string; valid: boolean }>(
    `select indexrelid::regclass::text as name, indisvalid as valid from pg_index
     where indrelid = 'wide'::regclass`,
  );
  return Object.fromEntries(rows.map(({ name, valid }) => [name, valid]));
}

async function isMigrating(database: TestDatabase): Promise<boolean> {
  const rows = await database.query(
    `select 1 from pg_stat_activity where application_name = 'tidegauge/migrate' and datname = current_database()`,
  );
  return rows.length > 0;
}

/** Kills a migrator in the middle of building the index, which waits for a transaction that works with the table. */
async function killInBuild(database: TestDatabase, migrationsDir: string): Promise<void> {
  await withClient(database.address, async (busy) => {
    await busy.query('begin; insert into "wide" values (1)');
    const victim = startMigrating(database.connection, migrationsDir);
    await isSo(async () => (await indexes(database))['wide_at_idx'] === false);

    victim.child.kill('SIGKILL');
    await victim.ended;
    await isSo(async () => !(await isMigrating(database)));
    await busy.query('rollback');
  });
}

describe('an index that is built concurrently', () => {
  it('whose migrator was killed in the middle is dropped and built by the next run', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(TABLE);
    await migrate(options(database, folder.path));
    const name = folder.add(INDEX);
    await killInBuild(database, folder.path);
    const left = await indexes(database);
    const recorded = await recordedMigrations(database);

    const { applied } = await migrate(options(database, folder.path));

    expect(left).toStrictEqual({ wide_at_idx: false });
    expect(recorded).not.toContain(name);
    expect(applied).toStrictEqual([name]);
    expect(await indexes(database)).toStrictEqual({ wide_at_idx: true });
    expect((await recordedMigrations(database)).filter((one) => one === name)).toHaveLength(1);
  });

  it('would stay invalid for ever if its statement were only repeated', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(TABLE);
    await migrate(options(database, folder.path));
    folder.add(INDEX);
    await killInBuild(database, folder.path);

    await database.query(BUILD);

    expect(await indexes(database)).toStrictEqual({ wide_at_idx: false });
  });

  it('is waited for beyond the limit for locks, since nobody waits for it', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(TABLE);
    await migrate(options(database, folder.path));
    folder.add(INDEX);

    await withClient(database.address, async (busy) => {
      await busy.query('begin; insert into "wide" values (1)');
      const run = migrate(options(database, folder.path));
      await isSo(async () => (await indexes(database))['wide_at_idx'] === false);
      await busy.query('select pg_sleep(0.6)');
      await database.query('insert into "wide" values (2)');
      await busy.query('commit');
      await run;
    });

    expect(await indexes(database)).toStrictEqual({ wide_at_idx: true });
  });

  it('that rows contradict is not left behind, and is built once they are mended', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder({
      ...TABLE,
      up: [...TABLE.up, 'insert into "wide" values (1), (1)'],
    });
    await migrate(options(database, folder.path));
    folder.add(INDEX);

    await expect(migrate(options(database, folder.path))).rejects.toMatchObject({
      code: 'DB_UNIQUE',
    });
    const left = await indexes(database);
    await database.query('delete from "wide"');
    const { applied } = await migrate(options(database, folder.path));

    expect(left).toStrictEqual({});
    expect(applied).toHaveLength(1);
    expect(await indexes(database)).toStrictEqual({ wide_at_idx: true });
  });

  it('whose name belongs to something else is an error, not done', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(
      { ...TABLE, up: [...TABLE.up, 'create table "wide_at_idx" ()'] },
      INDEX,
    );

    await expect(migrate(options(database, folder.path))).rejects.toMatchObject({
      code: 'DB_SCHEMA',
      message: expect.stringContaining('wide_at_idx was not built'),
    });
  });

  it('anew leaves nothing of an attempt that was cut off', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder({
      title: 'reindex',
      up: ['reindex table concurrently "wide"'],
      isTransactional: false,
    });
    await database.query('create table "wide" ("at" int)');
    await database.query('insert into "wide" values (1), (1)');
    // As REINDEX calls what it has begun, and as it leaves it.
    await expect(
      database.query('create unique index concurrently "wide_at_idx_ccnew" on "wide" ("at")'),
    ).rejects.toThrow('wide_at_idx_ccnew');
    const before = await indexes(database);

    await migrate(options(database, folder.path));

    expect(before).toStrictEqual({ wide_at_idx_ccnew: false });
    expect(await indexes(database)).toStrictEqual({});
  });
});

describe('what is wrong with a migration is told before anything of it is done', () => {
  it.each([
    ['a concurrent build in a transaction', { title: 'wrong', up: ['create table "a" ()', BUILD] }],
    [
      'a statement that cannot be repeated outside of one',
      {
        title: 'wrong',
        up: ['create table if not exists "a" ()', 'create table "b" ()'],
        isTransactional: false,
      },
    ],
  ] satisfies [string, WrittenMigration][])('%s', async (_, wrong) => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(wrong);

    await expect(migrate(options(database, folder.path))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/_wrong: statement 2 .*; nothing of it was applied$/),
    });
    expect(await catalogOf(database)).toStrictEqual([]);
  });
});

it('a session that has lost the lock goes on with nothing', async () => {
  await using database = await TestDatabase.create({ empty: true });
  using folder = migrationsFolder();
  const orm = await MikroORM.init(migrationOrmOptions(options(database, folder.path)));
  const connection = orm.em.getConnection();
  expect(connection).toBeInstanceOf(BoundConnection);

  const work = withMigrationLock(connection as BoundConnection, {}, async () => {
    await assertLockHeld(connection as BoundConnection);
    await connection.execute(`select pg_advisory_unlock(${MIGRATION_LOCK_KEY})`);
    await assertLockHeld(connection as BoundConnection);
  });

  await expect(work).rejects.toMatchObject({ code: 'DB_MIGRATION_LOCKED' });
  await orm.close(true);
});
