import type { DatabaseObserver } from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { ReplicaStats } from '#database/replicas/replica-set.ts';
import type { Instruments } from './instruments.ts';
import { createOperationMetrics, type OperationMetricsOptions } from './operation-metrics.ts';
import { createPoolMetrics } from './pool-metrics.ts';
import { readOr } from './read-or.ts';
import { createReplicaMetrics } from './replica-metrics.ts';
import { createSessionMetrics } from './session-metrics.ts';

/** What the metrics of the database work with beside its pools. */
export interface DatabaseMetricsOptions extends OperationMetricsOptions {
  /** Absent: there are no replicas. */
  readonly replicaStats?: () => readonly ReplicaStats[];
}

/** Metrics of sessions, statements and pools. `collect` reads the pools' snapshots and never throws. */
export function createDatabaseMetrics(
  instruments: Instruments,
  poolStats: () => readonly PoolStats[],
  { replicaStats = () => [], ...options }: DatabaseMetricsOptions,
): { readonly observer: DatabaseObserver; collect(): void } {
  const sessions = createSessionMetrics(instruments);
  const operations = createOperationMetrics(instruments, options);
  const pools = createPoolMetrics(instruments);
  const replicas = createReplicaMetrics(instruments, replicaStats);
  return {
    observer: {
      ...sessions.observer,
      ...operations.observer,
      ...pools.observer,
      ...replicas.observer,
    },
    collect() {
      const all = readOr(poolStats, []);
      const names = all.map(({ name }) => name);
      sessions.collect(names);
      operations.collect(names);
      pools.collect(all);
      replicas.collect();
    },
  };
}
