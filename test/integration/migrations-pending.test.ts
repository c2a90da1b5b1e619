import { describe, expect, it } from 'vitest';
import { expectedMigrations } from '#database/migrations/expected-migrations.ts';
import { pendingMigrations } from '#database/migrations/migrate.ts';
import { entities } from '#entities.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const MIGRATIONS_DIR = `${process.cwd()}/migrations`;

async function relations(database: TestDatabase): Promise<number> {
  return (await database.query('select 1 from pg_class')).length;
}

describe('asking for pending migrations', () => {
  it('of an empty database names all of them and creates nothing', async () => {
    await using database = await TestDatabase.create({ empty: true });
    const before = await relations(database);

    const pending = await pendingMigrations({
      connection: database.connection,
      entities,
      migrationsDir: MIGRATIONS_DIR,
    });

    expect(pending).toStrictEqual(await expectedMigrations(MIGRATIONS_DIR));
    expect(await relations(database)).toBe(before);
  });

  it('of a migrated database names none', async () => {
    await using database = await TestDatabase.create();

    const pending = await pendingMigrations({
      connection: database.connection,
      entities,
      migrationsDir: MIGRATIONS_DIR,
    });

    expect(pending).toStrictEqual([]);
  });

  it('of a database that is not there fails, where MikroORM would call all of them pending', async () => {
    await using database = await TestDatabase.create({ empty: true });

    const pending = pendingMigrations({
      connection: { ...database.connection, database: 'nowhere_test' },
      entities,
      migrationsDir: MIGRATIONS_DIR,
    });

    await expect(pending).rejects.toMatchObject({ code: 'DB_NOT_FOUND' });
  });

  it('without a migrations folder fails instead of finding none', async () => {
    await using database = await TestDatabase.create({ empty: true });

    const pending = pendingMigrations({
      connection: database.connection,
      entities,
      migrationsDir: `${MIGRATIONS_DIR}/nowhere`,
    });

    await expect(pending).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
