import type { DatabaseSettings } from '#config/settings.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { readEmbeddedState } from '#database/embedded/read-embedded-state.ts';

/**
 * The server whose schema is meant: the one of the settings, else the embedded server that runs now. Undefined when
 * there is neither.
 *
 * @throws DatabaseError `CONFIG_INVALID` behind a transaction pooler, where no lock can be held
 */
export async function findServer(
  settings: Pick<DatabaseSettings, 'connection' | 'pooler'>,
  dataDir: string,
): Promise<DatabaseConnection | undefined> {
  if (settings.pooler === 'pgbouncer') {
    throw new DatabaseError(
      'CONFIG_INVALID',
      'migrations hold a lock, which a pooler cannot: run this with DB_POOLER=none and the DATABASE_URL of the server itself',
    );
  }
  if (settings.connection !== undefined) {
    return settings.connection;
  }
  const embedded = await readEmbeddedState(dataDir);
  return embedded && { ...embedded, password: { reveal: () => embedded.password } };
}

/** There is nothing to connect to. */
export function noServerError(): DatabaseError {
  return new DatabaseError(
    'CONFIG_INVALID',
    'no server: set DATABASE_URL, or start the embedded one with npm start and leave it running',
  );
}
