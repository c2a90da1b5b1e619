import { readFileSync } from 'node:fs';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { describe, expect, it } from 'vitest';
import { migrate } from '#database/migrations/migrate.ts';
import { migrationChecksums } from '#database/migrations/migration-checksum.ts';
import { migrationOrmOptions } from '#database/migrations/migration-orm-options.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import { catalogOf, recordedMigrations } from '#test/support/catalog.ts';
import { migrationsFolder } from '#test/support/migrations-folder.ts';
import type { MigrationsFolder } from '#test/support/migrations-folder.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const ONE = { title: 'one', up: ['create table "one" ()'], down: ['drop table "one"'] };
const TWO = { title: 'two', up: ['create table "two" ()'] };

function options(database: TestDatabase, migrationsDir: string) {
  return { connection: database.connection, entities: [], migrationsDir, release: '1.2.3+abc' };
}

function rewrite(folder: MigrationsFolder, name: string, change: (text: string) => string): void {
  folder.write(`${name}.ts`, change(readFileSync(`${folder.path}/${name}.ts`, 'utf8')));
}

async function records(database: TestDatabase): Promise<readonly Record<string, unknown>[]> {
  return await database.query(
    `select name, checksum, applied_by, release from mikro_orm_migrations order by id`,
  );
}

/** As a release would apply them that knows of no checksum. */
async function migrateBefore(database: TestDatabase, migrationsDir: string): Promise<void> {
  const orm = await MikroORM.init({
    ...migrationOrmOptions(options(database, migrationsDir)),
    extensions: [Migrator],
  });
  await orm.migrator.up();
  await orm.close(true);
}

describe('an applied migration', () => {
  it('is recorded with its checksum, who applied it and from which release, until it is reverted', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE);
    const [[name, checksum] = []] = await migrationChecksums(folder.path);

    await migrate(options(database, folder.path));
    const applied = await records(database);
    const orm = await MikroORM.init(migrationOrmOptions(options(database, folder.path)));
    await orm.migrator.down();
    await orm.close(true);

    expect(applied).toStrictEqual([
      { name, checksum, applied_by: database.address.user, release: '1.2.3+abc' },
    ]);
    expect(await records(database)).toStrictEqual([]);
  });

  it('that was edited is refused by name, and nothing that is pending is applied', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE);
    const { applied } = await migrate(options(database, folder.path));
    const [name = ''] = applied;
    rewrite(folder, name, (text) => text.replace('"one', '"won'));
    folder.add(TWO);

    const run = migrate(options(database, folder.path));

    await expect(run).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`${name} was edited after it was applied`),
    });
    expect(await recordedMigrations(database)).toStrictEqual([name]);
    expect(await catalogOf(database)).toStrictEqual(['relation one kind r']);
  });

  it('that was edited is accepted once its checksum is taken off the record', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE);
    const { applied } = await migrate(options(database, folder.path));
    const [name = ''] = applied;
    rewrite(folder, name, (text) => `// said better\n${text}`);
    await database.query('update mikro_orm_migrations set checksum = null where name = $1', [name]);

    await migrate(options(database, folder.path));

    const now = await migrationChecksums(folder.path);
    expect(await records(database)).toMatchObject([{ name, checksum: now.get(name) }]);
  });

  it('that git checked out with the line ends of Windows is the same', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE);
    const { applied } = await migrate(options(database, folder.path));
    rewrite(folder, applied[0] ?? '', (text) => `\uFEFF${text.replaceAll('\n', '\r\n')}`);
    folder.add(TWO);

    expect((await migrate(options(database, folder.path))).applied).toHaveLength(1);
  });

  it('of a release from before checksums is taken as it is, and told', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE);
    await migrateBefore(database, folder.path);
    const checksums = await migrationChecksums(folder.path);
    const adopted: (readonly string[])[] = [];
    const onAdopted = (names: readonly string[]) => void adopted.push(names);

    await migrate({ ...options(database, folder.path), onAdopted });
    await migrate({ ...options(database, folder.path), onAdopted });

    expect(adopted).toStrictEqual([[...checksums.keys()]]);
    expect(await records(database)).toMatchObject([
      { checksum: [...checksums.values()][0], applied_by: null, release: null },
    ]);
  });

  it('that such a release applies later stands on the same list, and is taken as well', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using folder = migrationsFolder(ONE);
    await migrate(options(database, folder.path));
    folder.add(TWO);

    await migrateBefore(database, folder.path);
    await migrate(options(database, folder.path));

    expect(await records(database)).toMatchObject(
      [...(await migrationChecksums(folder.path))].map(([name, checksum]) => ({ name, checksum })),
    );
  });
});

describe('a service that finds an edited migration applied', () => {
  it('serves, warns in its log, and says so in /healthz', async () => {
    await using database = await TestDatabase.create();
    const [{ name } = { name: '' }] = await database.query<{ name: string }>(
      `update mikro_orm_migrations set checksum = 'another' where id = 1 returning name`,
    );
    const token = 'token-of-this-test-alone';
    await using service = await buildTestService({ database, env: { MANAGEMENT_TOKEN: token } });

    const ready = await service.request.get('/readyz');
    const health = await service.request.get('/healthz').set('authorization', `Bearer ${token}`);

    expect(ready.status).toBe(200);
    expect(health.body).toMatchObject({
      status: 'warn',
      checks: {
        'database:migrations': [
          { status: 'warn', output: `edited after they were applied: ${name}` },
        ],
      },
    });
    expect(service.logs).toContainEqual(
      expect.objectContaining({ event: 'db.migrations.edited', level: 'warn', migrations: [name] }),
    );
  });
});
