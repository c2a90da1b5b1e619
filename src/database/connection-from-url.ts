import { parseDatabaseUrl } from '#config/parse-database-url.ts';
import type { DatabaseConnection } from './database-options.ts';
import { DatabaseError } from './database-error.ts';

/**
 * Reads a database URL as `DATABASE_URL` is read, TLS included.
 *
 * @throws DatabaseError `CONFIG_INVALID` with everything that is wrong with it, never quoting it
 */
export function connectionFromUrl(text: string): DatabaseConnection {
  const parsed = parseDatabaseUrl(text);
  if ('faults' in parsed) {
    throw new DatabaseError('CONFIG_INVALID', `the database URL ${parsed.faults.join('; ')}`);
  }
  return parsed.connection;
}
