import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from '#database/database-error.ts';

export interface RetryOptions {
  /** Milliseconds from the start within which another attempt may begin; 0 = none. */
  readonly lockRetryMs: number;
  /** Told before each further attempt. */
  readonly onRetry?: ((error: DatabaseError, waitMs: number) => void) | undefined;
  /** Ends the wait between attempts with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 5000;
/** A lock that was not granted, a deadlock: the server has rolled everything back and others can go on. */
const PASSING: ReadonlySet<unknown> = new Set(['55P03', '40P01']);

/**
 * Does the work again when it got no lock, with back-off: whoever holds it, a report or a backup, is not to be waited
 * for in the queue, where everybody who comes later waits as well. Rejects with the last error when the time is over.
 */
export async function retryLocked(
  work: () => Promise<void>,
  { lockRetryMs, onRetry, signal }: RetryOptions,
): Promise<void> {
  const deadline = performance.now() + lockRetryMs;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, MAX_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      const isPassing = error instanceof DatabaseError && PASSING.has(error.details.sqlState);
      const jittered = Math.round(waitMs * (0.5 + Math.random() / 2));
      if (!isPassing || performance.now() + jittered > deadline) {
        throw error;
      }
      onRetry?.(error, jittered);
      await delay(jittered, undefined, { signal }).catch(() => undefined);
      signal?.throwIfAborted();
    }
  }
}
