import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from './database-error.ts';
import type { RetryOutcome } from './database-observer.ts';
import type { RetryBudget } from './retry-budget.ts';

/** How work that conflicts may be repeated. */
export interface Repeats {
  readonly budget: RetryBudget;
  readonly tell: (outcome: RetryOutcome) => void;
  /** Aborted, nothing is repeated any more. */
  readonly signal: AbortSignal | undefined;
}

const MAX_REPEATS = 2;
// Long enough for the winner to commit, random so that those who met once do not meet again.
const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 50;

/**
 * Runs work again, at most twice, when it failed with a serialization failure or a deadlock: the server has rolled it
 * back and would not have, had it run alone. Nothing else is repeated, a lost commit least of all.
 *
 * @throws what the last attempt threw; the signal's reason when it was aborted before another one
 */
export async function withRepeats<T>(
  attempt: (isRepeat: boolean) => Promise<T>,
  { budget, tell, signal }: Repeats,
): Promise<T> {
  for (let repeats = 0; ; repeats += 1) {
    try {
      const result = await attempt(repeats > 0);
      if (repeats > 0) {
        tell('succeeded');
      }
      return result;
    } catch (error) {
      if (!isConflict(error)) {
        throw error;
      }
      if (repeats === MAX_REPEATS) {
        tell('given_up');
        throw error;
      }
      signal?.throwIfAborted();
      if (!budget.withdraw()) {
        tell('budget');
        throw error;
      }
    }
    tell('retried');
    await delay(MIN_PAUSE_MS + (MAX_PAUSE_MS - MIN_PAUSE_MS) * Math.random());
    signal?.throwIfAborted();
  }
}

function isConflict(error: unknown): boolean {
  return (
    error instanceof DatabaseError &&
    (error.code === 'DB_SERIALIZATION' || error.code === 'DB_DEADLOCK')
  );
}
