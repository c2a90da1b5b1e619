import { DatabaseError } from './database-error.ts';
import type { DatabaseObserver, SessionOutcome } from './database-observer.ts';
import type { SessionState } from './session-state.ts';

/** Runs a session's work and tells of its begin and its end. */
export async function told<T>(
  observer: DatabaseObserver,
  pool: string,
  state: SessionState,
  work: () => Promise<T>,
): Promise<T> {
  const event = { pool, session: state.name, readOnly: state.isReadOnly };
  let outcome: SessionOutcome = 'rollback';
  let code: DatabaseError['code'] | undefined;
  observer.sessionStarted?.({ ...event });
  try {
    const result = await work();
    outcome = 'commit';
    return result;
  } catch (error) {
    if (error instanceof DatabaseError) {
      code = error.code;
      outcome =
        code === 'DB_COMMIT_UNKNOWN' || code === 'DB_CONNECTION_LOST' ? 'error' : 'rollback';
    }
    throw error;
  } finally {
    observer.sessionEnded?.({
      ...event,
      outcome,
      code,
      durationMs: performance.now() - state.startedAt,
    });
  }
}
