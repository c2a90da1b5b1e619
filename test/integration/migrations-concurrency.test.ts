import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { describe, expect, it } from 'vitest';
import { migrate } from '#database/migrations/migrate.ts';
import { migrationOrmOptions } from '#database/migrations/migration-orm-options.ts';
import { expectedMigrations } from '#database/migrations/expected-migrations.ts';
import { recordedMigrations } from '#test/support/catalog.ts';
import { migrationsFolder } from '#test/support/migrations-folder.ts';
import { runCommand } from '#test/support/run-command.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const TABLE = { title: 'table', up: ['create table "counted" ("at" int not null)'] };
/** Takes long enough that runs without a lock are in it together. */
const COUNT = {
  title: 'count',
  up: ['select pg_sleep(0.2)', 'insert into "counted" values (1)'],
};

async function countedRows(database: TestDatabase): Promise<number> {
  return (await database.query('select 1 from "counted"')).length;
}

describe('migrations that are started many times at once', () => {
  it('are applied exactly once by 20 processes, and every process succeeds', async () => {
    await using database = await TestDatabase.create({ empty: true });
    const expected = await expectedMigrations('migrations');

    const results = await Promise.all(
      Array.from({ length: 20 }, () =>
        runCommand([process.execPath, 'src/cli/migrate.ts'], {
          env: { DATABASE_URL: database.url },
        }),
      ),
    );

    expect(results.map(({ code }) => code)).toStrictEqual(Array(20).fill(0));
    expect(results.map(({ stderr }) => stderr).join('')).toBe('');
    expect(results.map(({ stdout }) => stdout).join('')).toBe(`${expected.join('\n')}\n`);
    expect(await recordedMigrations(database)).toStrictEqual(expected);
  }, 60_000);

  it.each([1, 2, 3, 4, 5])(
    'are applied exactly once by 20 callers of one process, repeat %i',
    async () => {
      await using database = await TestDatabase.create({ empty: true });
      using folder = migrationsFolder(TABLE, { ...COUNT, up: COUNT.up.slice(1) });
      const options = {
        connection: database.connection,
        entities: [],
        migrationsDir: folder.path,
      };

      const runs = await Promise.all(Array.from({ length: 20 }, () => migrate(options)));

      const applied = await recordedMigrations(database);
      expect(applied).toHaveLength(2);
      expect(runs.flatMap((run) => run.applied)).toStrictEqual(applied);
      expect(await countedRows(database)).toBe(1);
    },
  );

  it('would be applied more than once by the migrator of MikroORM', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(TABLE);
    const options = { connection: database.connection, entities: [], migrationsDir: folder.path };
    await migrate(options);
    folder.add(COUNT);

    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const orm = await MikroORM.init({
          ...migrationOrmOptions(options),
          extensions: [Migrator],
        });
        await orm.migrator.up();
        await orm.close(true);
      }),
    );

    expect(await countedRows(database)).toBeGreaterThan(1);
  });
});
