import type { Ask } from '#database/ask.ts';
import { asDatabaseError } from '#database/map-database-error.ts';
import { DatabaseError } from '#database/database-error.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';
import type { ConnectionOptions } from '#database/pool/pooled-connection.ts';
import type { OpenOptions } from '#database/pool/physical-connection.ts';
import type { DatabaseSessionManager } from '#database/session-manager.ts';

/** Of all questions of one check, after the connection is there. */
const DEADLINE_MS = 2000;
const CLOSE_DEADLINE_MS = 500;

/**
 * Opens a connection, has `work` ask over it for two seconds at most, and closes it.
 *
 * @throws DatabaseError when there is no connection, no answer in time, or the signal is aborted
 */
export async function askOver<T>(
  options: ConnectionOptions,
  work: (ask: Ask) => Promise<T>,
  { signal, verify }: Pick<OpenOptions<PooledConnection>, 'signal' | 'verify'>,
): Promise<T> {
  const connection = await PooledConnection.open(options, {
    onBroken: () => undefined,
    signal,
    ...(verify && { verify }),
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void connection.destroy();
  }, DEADLINE_MS);
  const abort = () => void connection.destroy();
  signal.addEventListener('abort', abort);
  try {
    const answer = await work(async (text) => (await connection.client.query(text)).rows);
    // Work that can do without an answer has not noticed that there is none.
    if (!isLate) return answer;
  } catch (error) {
    if (!isLate) throw asDatabaseError(error, 'bug: the self-check failed');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    await connection.close(CLOSE_DEADLINE_MS);
  }
  throw new DatabaseError('DB_QUERY_TIMEOUT', `the server did not answer within ${DEADLINE_MS} ms`);
}

/** Asks over a connection of the pool that nobody else wants now, never in its queue. */
export function askOverIdle(sessions: Pick<DatabaseSessionManager, 'stats' | 'session'>): Ask {
  return async (text) => {
    const { idle, waiting } = sessions.stats();
    if (idle === 0 || waiting > 0) {
      throw new DatabaseError('DB_TOO_MANY_CONNECTIONS', 'the pool has no connection to spare');
    }
    return await sessions.session((db) => db.execute(text), { name: 'self-check', readOnly: true });
  };
}
