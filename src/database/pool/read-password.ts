import { readFile } from 'node:fs/promises';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';

/**
 * Read for every connection, before its socket is opened: a rotated password needs no restart, a failure no socket.
 *
 * @throws DatabaseError `DB_AUTH_FAILED` when the file cannot be read
 */
export async function readPassword(connection: DatabaseConnection): Promise<string> {
  if (connection.passwordFile === undefined) {
    return connection.password?.reveal() ?? '';
  }
  try {
    return (await readFile(connection.passwordFile, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const errno: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    throw new DatabaseError(
      'DB_AUTH_FAILED',
      `the password file cannot be read (${String(errno)})`,
    );
  }
}
