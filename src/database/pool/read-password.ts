import { constants, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';

/**
 * Read for every connection, before its socket is opened: a rotated password needs no restart, a failure no socket. The
 * signal ends the wait for a file that is slow.
 *
 * @throws DatabaseError `DB_AUTH_FAILED` when the file cannot be read
 */
export async function readPassword(
  connection: DatabaseConnection,
  signal: AbortSignal,
): Promise<string> {
  if (connection.passwordFile === undefined) {
    return connection.password?.reveal() ?? '';
  }
  try {
    return (await readText(connection.passwordFile, signal)).replace(/\r?\n$/, '');
  } catch (error) {
    const errno: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    throw new DatabaseError(
      'DB_AUTH_FAILED',
      `the password file cannot be read (${String(errno)}): see DATABASE_PASSWORD_FILE`,
    );
  }
}

/** A pipe may never be filled, and Node has four threads for files, which it waits for even when the process exits. */
async function readText(path: string, signal: AbortSignal): Promise<string> {
  if (!(await stat(path)).isFIFO()) {
    return await readFile(path, { encoding: 'utf8', signal });
  }
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return await text(addAbortSignal(signal, new Socket({ fd, writable: false })));
}
