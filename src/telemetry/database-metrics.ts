import type { DatabaseObserver } from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { Instruments } from './instruments.ts';
import { createPoolMetrics } from './pool-metrics.ts';
import { readOr } from './read-or.ts';
import { createSessionMetrics } from './session-metrics.ts';

/** Metrics of sessions and pools. `collect` reads the pools' snapshots and never throws. */
export function createDatabaseMetrics(
  instruments: Instruments,
  poolStats: () => readonly PoolStats[],
): { readonly observer: DatabaseObserver; collect(): void } {
  const sessions = createSessionMetrics(instruments);
  const pools = createPoolMetrics(instruments);
  return {
    observer: { ...sessions.observer, ...pools.observer },
    collect() {
      const all = readOr(poolStats, []);
      sessions.collect(all.map(({ name }) => name));
      pools.collect(all);
    },
  };
}
