import { expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { retryLocked } from '#database/migrations/retry-locked.ts';

/** Fails the first time, with what the server said. */
function failingOnce(sqlState: string) {
  let attempts = 0;
  return async () => {
    attempts += 1;
    if (attempts === 1) {
      throw new DatabaseError('DB_QUERY_FAILED', 'it failed', { sqlState });
    }
  };
}

it.each([
  ['a lock was not granted', '55P03'],
  ['there was a deadlock', '40P01'],
])('work is done again when %s', async (_, sqlState) => {
  const told: unknown[] = [];

  await retryLocked(failingOnce(sqlState), {
    lockRetryMs: 60_000,
    onRetry: ({ details }, waitMs) => void told.push(details.sqlState, waitMs > 0),
  });

  expect(told).toStrictEqual([sqlState, true]);
});

it.each([
  ['is over', '55P03', 0],
  ['is not, for a fault that time does not mend', '42P01', 60_000],
])('work is not done again when the time %s', async (_, sqlState, lockRetryMs) => {
  await expect(retryLocked(failingOnce(sqlState), { lockRetryMs })).rejects.toMatchObject({
    details: { sqlState },
  });
});
