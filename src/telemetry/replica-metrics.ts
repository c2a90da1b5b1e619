import type { DatabaseObserver } from '#database/database-observer.ts';
import type { ReplicaStats } from '#database/replicas/replica-set.ts';
import { bornAtZero, childrenOf } from './children.ts';
import type { Instruments } from './instruments.ts';
import { REPLICA_FALLBACKS } from './metric-labels.ts';
import { readOr } from './read-or.ts';

/** Metrics of replicas: how well each follows, and who could not be sent to any. */
export function createReplicaMetrics(
  instruments: Instruments,
  replicaStats: () => readonly ReplicaStats[],
) {
  const usable = instruments.gauge('db_replica_usable');
  const lag = instruments.gauge('db_replica_lag_seconds');
  const maxLag = instruments.gauge('db_replica_max_lag_seconds');
  const counter = instruments.counter('db_replica_fallbacks_total');
  const fallbacks = childrenOf(REPLICA_FALLBACKS, (reason) =>
    bornAtZero(counter.labels({ reason })),
  );
  return {
    observer: {
      replicaFallback: ({ reason }) => fallbacks.get(reason)?.inc(),
    } satisfies DatabaseObserver,
    /** Replaces what was said before: a replica that is gone has no gauges. */
    collect(): void {
      usable.reset();
      lag.reset();
      maxLag.reset();
      for (const { name, state, lagMs, maxLagMs } of readOr(replicaStats, [])) {
        const pool = { db_client_connection_pool_name: name };
        usable.set(pool, state === 'usable' ? 1 : 0);
        maxLag.set(pool, maxLagMs / 1000);
        if (lagMs !== undefined) {
          lag.set(pool, lagMs / 1000);
        }
      }
    },
  };
}
