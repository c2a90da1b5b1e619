import type { DatabaseSettings } from '#config/settings.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { revealing } from '#database/embedded/embedded-access.ts';
import { readEmbeddedState } from '#database/embedded/read-embedded-state.ts';
import { PROJECT_DATA_DIR } from '#database/embedded/running-embedded.ts';

type Ways = Pick<DatabaseSettings, 'connection' | 'direct' | 'migration' | 'pooler'>;

/**
 * The server as the one who migrates: the role that owns the schema, else the way past the pooler, else as everybody.
 * Undefined when the settings name no server.
 *
 * @throws DatabaseError `CONFIG_INVALID` when the only way leads through a transaction pooler, where no lock can be held
 */
export function configuredMigrator({
  connection,
  direct,
  migration,
  pooler,
}: Ways): DatabaseConnection | undefined {
  const ownWay = migration ?? direct;
  if (ownWay === undefined && pooler === 'pgbouncer') {
    throw new DatabaseError(
      'CONFIG_INVALID',
      'migrations hold a lock, which a pooler cannot: set MIGRATION_DATABASE_URL or DATABASE_DIRECT_URL to the server itself',
    );
  }
  return ownWay ?? connection;
}

/** The server whose schema is meant: the one of the settings, else the embedded server that runs now. */
export async function findServer(
  settings: Ways,
  dataDir = PROJECT_DATA_DIR,
): Promise<DatabaseConnection | undefined> {
  const configured = configuredMigrator(settings);
  if (configured !== undefined) {
    return configured;
  }
  const embedded = await readEmbeddedState(dataDir);
  return embedded && revealing(embedded.roles.owner);
}
