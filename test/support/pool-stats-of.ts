import type { PoolStats } from '#database/pool/pool-stats.ts';

/** A picture of a pool in use, with what matters to a test changed. */
export function poolStatsOf(changes: Partial<PoolStats> = {}): PoolStats {
  return {
    name: 'main',
    max: 15,
    size: 5,
    idle: 3,
    used: 2,
    connecting: 1,
    waiting: 7,
    total: 6,
    oldestWaitMs: 250,
    oldestUseMs: 1500,
    leaked: 0,
    prepared: 0,
    usedSeconds: 0,
    exhaustedSeconds: 0,
    ...changes,
  };
}
