import type { DatabaseSessionManager } from '#database/session-manager.ts';
import { until } from './until.ts';

/** Resolves when every replica is in that state. */
export async function replicaIs(sessions: DatabaseSessionManager, wanted: string): Promise<void> {
  await until(`the replicas are ${wanted}`, () =>
    sessions.replicas().every(({ state }) => state === wanted) ? true : undefined,
  );
}
