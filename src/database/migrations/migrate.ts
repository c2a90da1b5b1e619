import { MikroORM } from '@mikro-orm/postgresql';
import { migrationOrmOptions } from './migration-orm-options.ts';
import type { MigrationOptions } from './migration-orm-options.ts';

export type { MigrationOptions };

/**
 * Applies every pending migration, oldest first, each in a transaction of its own, under the lock: any number of
 * callers at once apply each migration exactly once. On a connection of its own, closed in every case.
 *
 * @throws DatabaseError `DB_MIGRATION_LOCKED` when another run holds the lock for too long; what was applied before a
 * failing migration stays
 */
export async function migrate(
  options: MigrationOptions,
): Promise<{ readonly applied: readonly string[] }> {
  const applied = await withOrm(options, (orm) => orm.migrator.up());
  return { applied: applied.map(({ name }) => name) };
}

/** Names of the migrations that are not applied, oldest first. Takes no lock and changes nothing on the server. */
export async function pendingMigrations(options: MigrationOptions): Promise<readonly string[]> {
  const pending = await withOrm(options, (orm) => orm.migrator.getPending());
  return pending.map(({ name }) => name);
}

async function withOrm<T>(
  options: MigrationOptions,
  work: (orm: MikroORM) => Promise<T>,
): Promise<T> {
  const orm = await MikroORM.init(migrationOrmOptions(options));
  try {
    return await work(orm);
  } finally {
    await orm.close(true);
  }
}
