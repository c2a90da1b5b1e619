import { expect } from 'vitest';
import type { PoolStats } from '#database/pool/pool-stats.ts';

/** What can be asked for its pool: a session manager, a test service. */
export interface HasPool {
  stats(): PoolStats;
  readonly activeSessions: number;
}

/** Fails when a session, a connection or a waiter is left over. Call it after each test. */
export async function assertClean(subject: HasPool): Promise<void> {
  // A connection that is just being opened for a waiter that has gone ends up idle by itself.
  await expect.poll(() => subject.stats().connecting, { timeout: 5000 }).toBe(0);

  const { used, waiting, idle, total } = subject.stats();
  expect({ sessions: subject.activeSessions, used, waiting, leaked: total - idle }).toEqual({
    sessions: 0,
    used: 0,
    waiting: 0,
    leaked: 0,
  });
}
