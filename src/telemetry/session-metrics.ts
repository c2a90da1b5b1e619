import type { DatabaseObserver } from '#database/database-observer.ts';
import { bornAtZero, childrenOf } from './children.ts';
import type { Instruments } from './instruments.ts';
import { ERROR_CODES, RETRY_RESULTS, SESSION_RESULTS } from './metric-labels.ts';
import { PerPool } from './per-pool.ts';

/** Metrics of sessions: how many are open, how they end, what goes wrong, what is repeated. */
export function createSessionMetrics(instruments: Instruments) {
  const pools = new PerPool(binder(instruments));
  const active = instruments.gauge('db_sessions_active');
  return {
    observer: {
      sessionStarted({ pool }) {
        pools.of(pool).active += 1;
      },
      sessionEnded({ pool, outcome, durationMs, code }) {
        const metrics = pools.of(pool);
        metrics.active -= 1;
        metrics.ended.get(outcome)?.inc();
        metrics.duration.observe(durationMs / 1000);
        if (code !== undefined) {
          metrics.errors.get(code)?.inc();
        }
      },
      sessionRetried: ({ pool, outcome }) => pools.of(pool).retries.get(outcome)?.inc(),
      queryCancelled: ({ pool }) => pools.of(pool).cancelled.inc(),
    } satisfies DatabaseObserver,
    /** Reads the gauges of every pool heard of, those of `names` among them. */
    collect(names: readonly string[]): void {
      for (const name of names) {
        pools.of(name);
      }
      for (const [name, metrics] of pools.all()) {
        active.set({ db_client_connection_pool_name: name }, metrics.active);
      }
    },
  };
}

/** Binds everything of one pool. */
function binder(instruments: Instruments) {
  const ended = instruments.counter('db_sessions_total');
  const duration = instruments.histogram('db_session_duration_seconds');
  const errors = instruments.counter('db_client_errors_total');
  const retries = instruments.counter('db_client_retries_total');
  const cancelled = instruments.counter('db_client_cancelled_total');

  return (name: string) => {
    const pool = { db_client_connection_pool_name: name };
    return {
      active: 0,
      ended: childrenOf(SESSION_RESULTS, (outcome) =>
        bornAtZero(ended.labels({ ...pool, outcome })),
      ),
      duration: duration(pool),
      errors: childrenOf(ERROR_CODES, (code) => bornAtZero(errors.labels({ ...pool, code }))),
      retries: childrenOf(RETRY_RESULTS, (outcome) =>
        bornAtZero(retries.labels({ ...pool, outcome })),
      ),
      cancelled: bornAtZero(cancelled.labels(pool)),
    };
  };
}
