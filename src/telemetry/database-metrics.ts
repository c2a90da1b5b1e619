import type { DatabaseObserver } from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { Instruments } from './instruments.ts';
import {
  CLOSE_REASONS,
  CONNECT_FAILURE_REASONS,
  connectFailureReason,
  ERROR_CODES,
  SESSION_RESULTS,
} from './metric-labels.ts';
import { readOr } from './read-or.ts';

/** Metrics of sessions and pools. `collect` reads the pools' snapshots and never throws. */
export function createDatabaseMetrics(
  instruments: Instruments,
  poolStats: () => readonly PoolStats[],
): { readonly observer: DatabaseObserver; collect(): void } {
  const bindPool = poolBinder(instruments);
  const pools = new Map<string, ReturnType<typeof bindPool>>();
  const poolOf = (name: string) => {
    const known = pools.get(name) ?? bindPool(name);
    pools.set(name, known);
    return known;
  };
  const collectStats = statsCollector(instruments);
  const active = instruments.gauge('db_sessions_active');

  return {
    observer: {
      sessionStarted({ pool }) {
        poolOf(pool).activeSessions += 1;
      },
      sessionEnded({ pool, outcome, durationMs, code }) {
        const metrics = poolOf(pool);
        metrics.activeSessions -= 1;
        metrics.sessions.get(outcome)?.inc();
        metrics.sessionDuration.observe(durationMs / 1000);
        if (code !== undefined) {
          metrics.errors.get(code)?.inc();
        }
        if (code === 'DB_POOL_TIMEOUT') {
          metrics.timeouts.inc();
        }
        if (code === 'DB_POOL_FULL') {
          metrics.rejections.inc();
        }
      },
      connectionOpened: ({ pool }) => poolOf(pool).opened.inc(),
      connectionClosed: ({ pool, reason }) => poolOf(pool).closed.get(reason)?.inc(),
      connectionFailed: ({ pool, code }) =>
        poolOf(pool).failures.get(connectFailureReason(code))?.inc(),
    },
    collect() {
      for (const { name } of collectStats(poolStats)) {
        poolOf(name);
      }
      for (const [name, { activeSessions }] of pools) {
        active.set({ db_client_connection_pool_name: name }, activeSessions);
      }
    },
  };
}

/** Binds every counter of one pool, each born at 0, so that its first increment is seen as one. */
function poolBinder(instruments: Instruments) {
  const sessions = instruments.counter('db_sessions_total');
  const sessionDuration = instruments.histogram('db_session_duration_seconds');
  const errors = instruments.counter('db_client_errors_total');
  const opened = instruments.counter('db_client_connection_opened_total');
  const closed = instruments.counter('db_client_connection_closed_total');
  const failures = instruments.counter('db_client_connection_failures_total');
  const timeouts = instruments.counter('db_client_connection_timeouts_total');
  const rejections = instruments.counter('db_client_connection_rejections_total');

  return (name: string) => {
    const pool = { db_client_connection_pool_name: name };
    sessionDuration.zero(pool);
    return {
      activeSessions: 0,
      sessions: children(SESSION_RESULTS, (outcome) => sessions.labels({ ...pool, outcome })),
      sessionDuration: sessionDuration.labels(pool),
      errors: children(ERROR_CODES, (code) => errors.labels({ ...pool, code })),
      opened: born(opened.labels(pool)),
      closed: children(CLOSE_REASONS, (reason) => closed.labels({ ...pool, reason })),
      failures: children(CONNECT_FAILURE_REASONS, (reason) => failures.labels({ ...pool, reason })),
      timeouts: born(timeouts.labels(pool)),
      rejections: born(rejections.labels(pool)),
    };
  };
}

interface CounterChild {
  inc(value?: number): void;
}

function children(
  values: readonly string[],
  bind: (value: string) => CounterChild,
): ReadonlyMap<string, CounterChild> {
  return new Map(values.map((value) => [value, born(bind(value))]));
}

function born(child: CounterChild): CounterChild {
  child.inc(0);
  return child;
}

/** Sets the gauges of the pools that are there now; when their source throws, there are none. */
function statsCollector(instruments: Instruments) {
  const count = instruments.gauge('db_client_connection_count');
  const max = instruments.gauge('db_client_connection_max');
  const idleMin = instruments.gauge('db_client_connection_idle_min');
  const idleMax = instruments.gauge('db_client_connection_idle_max');
  const pending = instruments.gauge('db_client_connection_pending_requests');

  return (read: () => readonly PoolStats[]): readonly PoolStats[] => {
    for (const gauge of [count, max, idleMin, idleMax, pending]) {
      gauge.reset();
    }
    const all = readOr(read, []);
    for (const stats of all) {
      const pool = { db_client_connection_pool_name: stats.name };
      count.set({ ...pool, db_client_connection_state: 'idle' }, stats.idle);
      count.set({ ...pool, db_client_connection_state: 'used' }, stats.used);
      count.set({ ...pool, db_client_connection_state: 'connecting' }, stats.connecting);
      max.set(pool, stats.max);
      idleMin.set(pool, stats.size);
      idleMax.set(pool, stats.max);
      pending.set(pool, stats.waiting);
    }
    return all;
  };
}
