import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from './database-error.ts';

export interface PrepareOptions {
  /** Brings the schema up to date; run again until the server can be reached. */
  readonly prepare: () => Promise<void>;
  /** Told once for each new reason. */
  readonly onWaiting: (error: DatabaseError) => void;
  readonly signal: AbortSignal;
}

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 1000;

/** Codes of a server that may be there in a moment; anything else needs a person. */
const PASSING = new Set([
  'DB_CONNECT_REFUSED',
  'DB_CONNECT_TIMEOUT',
  'DB_HOST_NOT_FOUND',
  'DB_AUTH_FAILED',
  'DB_NOT_FOUND',
  'DB_TOO_MANY_CONNECTIONS',
  'DB_UNAVAILABLE',
  'DB_CONNECTION_LOST',
  'DB_POOL_TIMEOUT',
  'DB_MIGRATION_LOCKED',
  'DB_LOCK_TIMEOUT',
  'DB_READ_ONLY',
]);

/**
 * Prepares the database as soon as it can be reached, with back-off and jitter between attempts. Resolves when it is
 * done or the signal aborts; rejects for a fault that waiting does not mend, such as a migration that fails.
 */
export async function prepareDatabase({
  prepare,
  onWaiting,
  signal,
}: PrepareOptions): Promise<void> {
  let lastCode: string | undefined;
  let delayMs = FIRST_DELAY_MS;
  while (!signal.aborted) {
    try {
      await prepare();
      return;
    } catch (error) {
      if (signal.aborted && error === signal.reason) {
        return;
      }
      if (!(error instanceof DatabaseError) || !PASSING.has(error.code)) {
        throw error;
      }
      if (error.code !== lastCode) {
        lastCode = error.code;
        onWaiting(error);
      }
    }
    await delay(delayMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    delayMs = Math.min(delayMs * 2, MAX_DELAY_MS);
  }
}
