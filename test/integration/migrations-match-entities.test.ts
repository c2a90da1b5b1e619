import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import type { EntitySchema } from '@mikro-orm/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrationOrmOptions } from '#database/migrations/migration-orm-options.ts';
import { entities } from '#entities.ts';
import { TestDatabase } from '#test/support/test-database.ts';

/** As somebody would leave it who adds an entity and forgets the migration. */
const Forgotten = defineEntity({
  name: 'Forgotten',
  tableName: 'forgotten',
  properties: { id: p.uuid().primary(), title: p.text() },
});

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});

afterAll(async () => {
  await database.drop();
});

/** What `migration:check` says, and the statements that the migrated database lacks. */
async function differences(
  list: readonly EntitySchema[],
): Promise<{ readonly isSnapshotBehind: boolean; readonly missing: string }> {
  const orm = await MikroORM.init(
    migrationOrmOptions({
      connection: database.connection,
      entities: list,
      migrationsDir: `${process.cwd()}/migrations`,
    }),
  );
  try {
    return {
      isSnapshotBehind: await orm.migrator.checkSchema(),
      missing: (await orm.schema.getUpdateSchemaSQL({ wrap: false })).trim(),
    };
  } finally {
    await orm.close(true);
  }
}

describe('the entities', () => {
  it('are what the snapshot says and what the migrations make', async () => {
    expect(await differences(entities)).toStrictEqual({ isSnapshotBehind: false, missing: '' });
  });

  it('with one more entity differ from both', async () => {
    const { isSnapshotBehind, missing } = await differences([...entities, Forgotten]);

    expect(isSnapshotBehind).toBe(true);
    expect(missing).toContain('create table "forgotten"');
  });
});
