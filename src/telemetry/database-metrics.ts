import type { DatabaseObserver } from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { Instruments } from './instruments.ts';
import { createOperationMetrics, type OperationMetricsOptions } from './operation-metrics.ts';
import { createPoolMetrics } from './pool-metrics.ts';
import { readOr } from './read-or.ts';
import { createSessionMetrics } from './session-metrics.ts';

/** Metrics of sessions, statements and pools. `collect` reads the pools' snapshots and never throws. */
export function createDatabaseMetrics(
  instruments: Instruments,
  poolStats: () => readonly PoolStats[],
  options: OperationMetricsOptions,
): { readonly observer: DatabaseObserver; collect(): void } {
  const sessions = createSessionMetrics(instruments);
  const operations = createOperationMetrics(instruments, options);
  const pools = createPoolMetrics(instruments);
  return {
    observer: { ...sessions.observer, ...operations.observer, ...pools.observer },
    collect() {
      const all = readOr(poolStats, []);
      const names = all.map(({ name }) => name);
      sessions.collect(names);
      operations.collect(names);
      pools.collect(all);
    },
  };
}
