import { describe, expect, it } from 'vitest';
import { DATABASE_ERROR_CODES } from '#database/database-error.ts';
import { RETRY_OUTCOMES, SESSION_OUTCOMES } from '#database/database-observer.ts';
import { databaseScrape } from '#test/support/database-scrape.ts';

const session = { pool: 'main', session: 'GET /users', readOnly: true };
const zeros = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 0]));

describe('metrics of sessions', () => {
  it('are born at 0 with every child there can be, before anything has happened', async () => {
    const { value, values } = databaseScrape();

    expect(await values('db_sessions_total', 'outcome')).toEqual(zeros(SESSION_OUTCOMES));
    expect(await values('db_client_errors_total', 'code')).toEqual(zeros(DATABASE_ERROR_CODES));
    expect(await values('db_client_retries_total', 'outcome')).toEqual(zeros(RETRY_OUTCOMES));
    expect(await value('db_client_cancelled_total')).toBe(0);
    expect(await value('db_session_duration_seconds_count')).toBe(0);
    expect(await value('db_sessions_active')).toBe(0);
  });

  it('know those that are open, how they ended and how long they took', async () => {
    const { observer, value, values } = databaseScrape();
    observer.sessionStarted?.(session);
    observer.sessionStarted?.(session);

    observer.sessionEnded?.({ ...session, outcome: 'commit', durationMs: 20, code: undefined });

    expect(await value('db_sessions_active')).toBe(1);
    expect(await values('db_sessions_total', 'outcome')).toEqual({
      commit: 1,
      rollback: 0,
      error: 0,
    });
    expect(await value('db_session_duration_seconds_sum')).toBe(0.02);
  });

  it('count their errors by code; timeouts and rejections of the pool are counted by borrower', async () => {
    const { observer, value, values } = databaseScrape();

    for (const code of ['DB_UNIQUE', 'DB_POOL_TIMEOUT', 'DB_POOL_FULL'] as const) {
      observer.sessionEnded?.({ ...session, outcome: 'rollback', durationMs: 1, code });
    }

    expect(await values('db_client_errors_total', 'code')).toEqual({
      ...zeros(DATABASE_ERROR_CODES),
      DB_UNIQUE: 1,
      DB_POOL_TIMEOUT: 1,
      DB_POOL_FULL: 1,
    });
    expect(await value('db_client_connection_timeouts_total')).toBe(0);
    expect(await value('db_client_connection_rejections_total')).toBe(0);
  });

  it('count what became of those that may be repeated', async () => {
    const { observer, values } = databaseScrape();

    for (const outcome of ['retried', 'retried', 'succeeded', 'budget'] as const) {
      observer.sessionRetried?.({ pool: 'main', session: 'POST /teams', outcome });
    }

    expect(await values('db_client_retries_total', 'outcome')).toEqual({
      retried: 2,
      succeeded: 1,
      given_up: 0,
      budget: 1,
    });
  });

  it('count statements that were cancelled', async () => {
    const { observer, value } = databaseScrape();

    observer.queryCancelled?.({ pool: 'main', holder: 'GET /users', scope: undefined });

    expect(await value('db_client_cancelled_total')).toBe(1);
  });
});
