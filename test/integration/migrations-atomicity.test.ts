import { describe, expect, it } from 'vitest';
import { expectedMigrations } from '#database/migrations/expected-migrations.ts';
import { migrate } from '#database/migrations/migrate.ts';
import { catalogOf, recordedMigrations } from '#test/support/catalog.ts';
import { startMigrating } from '#test/support/migrate-process.ts';
import { migrationsFolder } from '#test/support/migrations-folder.ts';
import { statementCounts } from '#test/support/statement-counts.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const MIGRATIONS_DIR = `${process.cwd()}/migrations`;

function options(database: TestDatabase, migrationsDir: string) {
  return { connection: database.connection, entities: [], migrationsDir };
}

/** The project's migration, but it sleeps after its first `count` statements. */
function sleepingAfter(name: string, count: number): string {
  return `
    import { ${name} as Real } from ${JSON.stringify(`${MIGRATIONS_DIR}/${name}.ts`)};
    export class ${name} extends Real {
      override up(): void {
        super.up();
        this.getQueries().splice(${count}, 0, 'select pg_sleep(60)');
      }
    }`;
}

async function isAsleep(database: TestDatabase): Promise<boolean> {
  const rows = await database.query(
    `select 1 from pg_stat_activity where datname = current_database() and query = 'select pg_sleep(60)'`,
  );
  return rows.length === 1;
}

/** Every moment of every migration of the project: before its first statement, after its last, and between. */
const MOMENTS = (await statementCounts(MIGRATIONS_DIR)).flatMap(({ name, count }) =>
  Array.from({ length: count + 1 }, (_, index) => ({ name, index })),
);

describe('a migration', () => {
  it('that fails in its second statement leaves nothing, and can be mended', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder({ title: 'first', up: ['create table "first" ()'] });
    using mended = migrationsFolder(
      { title: 'first', up: ['create table "first" ()'] },
      { title: 'second', up: ['create table "second" ()'] },
    );
    folder.add({ title: 'second', up: ['create table "second" ()', 'select * from "nothing"'] });

    await expect(migrate(options(database, folder.path))).rejects.toMatchObject({
      code: 'DB_SCHEMA',
    });
    const left = await catalogOf(database);
    const recorded = await recordedMigrations(database);
    const { applied } = await migrate(options(database, mended.path));

    expect(left).toStrictEqual(['relation first kind r']);
    expect(recorded).toStrictEqual(['Migration20260101000001_first']);
    expect(applied).toStrictEqual(['Migration20260101000002_second']);
  });

  it('that commits its statements one by one leaves those before the failing one', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder({
      title: 'half',
      up: ['create table if not exists "half" ()', 'analyze "nothing"'],
      isTransactional: false,
    });

    await expect(migrate(options(database, folder.path))).rejects.toMatchObject({
      code: 'DB_SCHEMA',
    });

    expect(await catalogOf(database)).toStrictEqual(['relation half kind r']);
  });

  it('outside of a transaction may build an index while others write', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(
      { title: 'table', up: ['create table "wide" ("at" int)'] },
      {
        title: 'index',
        up: ['create index concurrently if not exists "wide_at_idx" on "wide" ("at")'],
        isTransactional: false,
      },
    );

    const runs = await Promise.all(
      Array.from({ length: 5 }, () => migrate(options(database, folder.path))),
    );

    expect(runs.flatMap(({ applied }) => applied)).toHaveLength(2);
    expect(await catalogOf(database)).toContain(
      'index CREATE INDEX wide_at_idx ON public.wide USING btree (at)',
    );
  });

  it.each(MOMENTS)(
    'killed at statement $index of $name is not applied, and the next run applies it',
    async ({ name, index }) => {
      await using database = await TestDatabase.create({ empty: true });
      await using reference = await TestDatabase.create();
      using folder = migrationsFolder();
      const names = await expectedMigrations(MIGRATIONS_DIR);
      const before = names.slice(0, names.indexOf(name));
      for (const earlier of before) {
        folder.write(
          `${earlier}.ts`,
          `export { ${earlier} } from ${JSON.stringify(`${MIGRATIONS_DIR}/${earlier}.ts`)};`,
        );
      }
      folder.write(`${name}.ts`, sleepingAfter(name, index));
      const victim = startMigrating(database.connection, folder.path);
      await expect.poll(() => isAsleep(database), { timeout: 10_000 }).toBe(true);

      victim.child.kill('SIGKILL');
      await victim.ended;
      await expect.poll(() => isAsleep(database), { timeout: 10_000 }).toBe(false);
      const recorded = await recordedMigrations(database);
      const left = await catalogOf(database);
      const { applied } = await migrate(options(database, MIGRATIONS_DIR));

      expect(recorded).toStrictEqual(before);
      expect(left.some((line) => line.startsWith('relation'))).toBe(before.length > 0);
      expect([...before, ...applied]).toStrictEqual(names);
      expect(await catalogOf(database)).toStrictEqual(await catalogOf(reference));
    },
  );
});
