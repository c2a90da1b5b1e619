import { MikroORM } from '@mikro-orm/postgresql';
import { migrationOrmOptions } from './migration-orm-options.ts';
import type { MigrationOrmParts } from './migration-orm-options.ts';

export interface MigrationOptions extends MigrationOrmParts {
  /** Told the name of each migration once it is committed. */
  readonly onApplied?: (name: string) => void;
}

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
  const { onApplied, ...parts } = options;
  const applied = await withOrm(parts, ({ migrator }) =>
    migrator.on('migrated', ({ name }) => onApplied?.(name)).up(),
  );
  return { applied: applied.map(({ name }) => name) };
}

/** Names of the migrations that are not applied, oldest first. Takes no lock and changes nothing on the server. */
export async function pendingMigrations(options: MigrationOrmParts): Promise<readonly string[]> {
  const pending = await withOrm(options, (orm) => orm.migrator.getPending());
  return pending.map(({ name }) => name);
}

async function withOrm<T>(
  parts: MigrationOrmParts,
  work: (orm: MikroORM) => Promise<T>,
): Promise<T> {
  const orm = await MikroORM.init(migrationOrmOptions(parts));
  try {
    return await work(orm);
  } finally {
    await orm.close(true);
  }
}
