import { setTimeout as delay } from 'node:timers/promises';
import { connectError } from '#database/connect-advice.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { readPassword } from './read-password.ts';

/** A login, and how long it may take. */
export interface PasswordOptions {
  readonly connection: DatabaseConnection;
  /** Deadline of the whole attempt in milliseconds: password, socket, login, verification. */
  readonly connectTimeoutMs: number;
}

// Who rotates a password changes the server and the file one after the other.
const ROTATION_POLL_MS = 50;
const ROTATION_SHARE = 0.5;

/** Logs in with the password as it is now; once more where it is refused and its file changes. */
export async function withPassword<T>(
  options: PasswordOptions,
  signal: AbortSignal,
  logIn: (password: string) => Promise<T>,
): Promise<T> {
  const { connection } = options;
  const attempt = async (password: string) => {
    signal.throwIfAborted();
    return await logIn(password);
  };
  const password = await readPassword(connection, signal);
  try {
    return await attempt(password);
  } catch (error) {
    if (
      connection.passwordFile === undefined ||
      connectError(error, connection).code !== 'DB_AUTH_FAILED'
    ) {
      throw error;
    }
    const rotated = await successorOf(password, options, signal);
    if (rotated === undefined) {
      throw error;
    }
    return await attempt(rotated);
  }
}

/** What takes the place of a password that was refused; undefined when nothing has within half of the attempt's time. */
async function successorOf(
  refused: string,
  { connection, connectTimeoutMs }: PasswordOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const giveUpAt = performance.now() + connectTimeoutMs * ROTATION_SHARE;
  while (performance.now() < giveUpAt) {
    await delay(ROTATION_POLL_MS, undefined, { signal });
    // While it is being replaced it may be empty or not there.
    const found = await readPassword(connection, signal).catch(() => '');
    if (found !== '' && found !== refused) {
      return found;
    }
  }
  return undefined;
}
