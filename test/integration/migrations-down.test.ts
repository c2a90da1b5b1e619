import { MikroORM } from '@mikro-orm/postgresql';
import { describe, expect, it } from 'vitest';
import { expectedMigrations } from '#database/migrations/expected-migrations.ts';
import { migrate } from '#database/migrations/migrate.ts';
import { migrationOrmOptions } from '#database/migrations/migration-orm-options.ts';
import { entities } from '#entities.ts';
import { catalogOf, recordedMigrations } from '#test/support/catalog.ts';
import { migrationsFolder } from '#test/support/migrations-folder.ts';
import { statementCounts } from '#test/support/statement-counts.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const MIGRATIONS_DIR = `${process.cwd()}/migrations`;

const ONE = { title: 'one', up: ['create table "one" ()'], down: ['drop table "one"'] };
const TWO = { title: 'two', up: ['create table "two" ()'], down: ['drop table "two"'] };
const THREE = { title: 'three', up: ['create table "three" ()'], down: ['drop table "three"'] };

function options(database: TestDatabase, migrationsDir: string) {
  return { connection: database.connection, entities, migrationsDir };
}

async function withMigrator<T>(
  database: TestDatabase,
  migrationsDir: string,
  work: (migrator: MikroORM['migrator']) => Promise<T>,
): Promise<T> {
  const orm = await MikroORM.init(migrationOrmOptions(options(database, migrationsDir)));
  try {
    return await work(orm.migrator);
  } finally {
    await orm.close(true);
  }
}

describe('the way back', () => {
  it('is written in every migration', async () => {
    const ways = await statementCounts(MIGRATIONS_DIR, 'down');

    expect(ways.filter(({ count }) => count === 0)).toStrictEqual([]);
  });

  it('of each migration restores exactly the schema before it, down to nothing', async () => {
    await using database = await TestDatabase.create({ empty: true });
    const names = await expectedMigrations(MIGRATIONS_DIR);

    await withMigrator(database, MIGRATIONS_DIR, async (migrator) => {
      const before: (readonly string[])[] = [];
      for (const name of names) {
        before.push(await catalogOf(database));
        await migrator.up(name);
      }
      for (const name of names.toReversed()) {
        await migrator.down();

        expect({ name, schema: await catalogOf(database) }).toStrictEqual({
          name,
          schema: before.pop(),
        });
      }
    });

    expect(await catalogOf(database)).toStrictEqual([]);
    expect(await recordedMigrations(database)).toStrictEqual([]);
  });

  it('and forth again gives the schema of the first time', async () => {
    await using database = await TestDatabase.create();
    const first = await catalogOf(database);

    await withMigrator(database, MIGRATIONS_DIR, (migrator) => migrator.down({ to: 0 }));
    await migrate(options(database, MIGRATIONS_DIR));

    expect(first.length).toBeGreaterThan(30);
    expect(await catalogOf(database)).toStrictEqual(first);
  });

  it.each(['Migration20000101000000_nothing', '0', 20000101000000])(
    'is not taken to a version that does not exist, which would undo everything: %j',
    async (to) => {
      await using database = await TestDatabase.create();
      const first = await catalogOf(database);

      const down = withMigrator(database, MIGRATIONS_DIR, (migrator) => migrator.down({ to }));

      await expect(down).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      expect(await catalogOf(database)).toStrictEqual(first);
    },
  );

  it('is not taken to a version that is still pending, which would undo everything', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE);
    const { applied } = await migrate(options(database, folder.path));
    const pending = folder.add(TWO);

    const down = withMigrator(database, folder.path, (migrator) => migrator.down({ to: pending }));

    await expect(down).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${pending} is not applied: there is no way back to it`,
    });
    expect(await recordedMigrations(database)).toStrictEqual(applied);
  });

  it('is taken to a version by its digits, as text or as a number', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE, TWO, THREE);
    const { applied } = await migrate(options(database, folder.path));
    const [one = '', two = ''] = applied.map((name) => name.replaceAll(/\D/g, ''));

    await withMigrator(database, folder.path, (migrator) => migrator.down({ to: two }));
    const afterText = await recordedMigrations(database);
    await withMigrator(database, folder.path, (migrator) => migrator.down({ to: Number(one) }));

    expect(afterText).toStrictEqual(applied.slice(0, 2));
    expect(await recordedMigrations(database)).toStrictEqual(applied.slice(0, 1));
  });

  it('stops at a migration that a newer release applied', async () => {
    await using database = await TestDatabase.create();
    using older = migrationsFolder();

    const down = withMigrator(database, older.path, (migrator) => migrator.down());

    await expect(down).rejects.toThrow(/applied last and is not in the migrations folder/);
  });
});

describe('taking a migration off the list', () => {
  it('is done by its digits', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE, TWO);
    const { applied } = await migrate(options(database, folder.path));
    const [, two = ''] = applied.map((name) => name.replaceAll(/\D/g, ''));

    await withMigrator(database, folder.path, (migrator) => migrator.unlogMigration(two));

    expect(await recordedMigrations(database)).toStrictEqual(applied.slice(0, 1));
  });

  it('that is not on it is refused', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE);
    await migrate(options(database, folder.path));
    const pending = folder.add(TWO);

    const unlogged = withMigrator(database, folder.path, (migrator) =>
      migrator.unlogMigration(pending),
    );

    await expect(unlogged).rejects.toThrow(`${pending} is not applied`);
  });
});
