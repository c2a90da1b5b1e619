import type { MetricDefinition } from './metric-definition.ts';
import {
  ACQUIRE_RESULTS,
  CLOSE_REASONS,
  CONNECT_FAILURE_REASONS,
  CONNECTION_STATES,
  ERROR_CODES,
  ERROR_TYPES,
  OPERATION_NAMES,
  PING_RESULTS,
  RECLAIM_CAUSES,
  REPLICA_FALLBACKS,
  RETRY_RESULTS,
  SESSION_RESULTS,
} from './metric-labels.ts';

const POOL = { db_client_connection_pool_name: 'names of pools in the settings' } as const;

/** Of all that the database layer measures, so that a wait and a session can be compared. */
const BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** The metrics of sessions and pools, by name. */
export const DATABASE_METRICS = {
  db_sessions_active: gauge('sessions', POOL, 'Sessions open now.'),
  db_sessions_total: counter(
    'sessions',
    { ...POOL, outcome: SESSION_RESULTS },
    'Sessions ended; error means that neither commit nor rollback was confirmed.',
  ),
  db_session_duration_seconds: durations(
    POOL,
    'Duration of sessions, from the fork to the end of commit or rollback.',
  ),
  db_client_operation_duration_seconds: durations(
    {
      ...POOL,
      db_operation_name: OPERATION_NAMES,
      db_collection_name: 'tables of the entities, none for a statement without a table, and other',
      error_type: ERROR_TYPES,
    },
    'Duration of statements at the client, without the wait for a connection; error_type is empty for those that succeed.',
  ),
  db_client_slow_queries_total: counter(
    'statements',
    POOL,
    'Statements that took longer than DB_SLOW_QUERY_MS.',
  ),
  db_client_prepared_statements: gauge(
    'statements',
    POOL,
    'Statements prepared now, all connections of the pool together.',
  ),
  db_client_errors_total: counter(
    'errors',
    { ...POOL, code: ERROR_CODES },
    'Sessions that ended with a database error, by its code.',
  ),
  db_client_cancelled_total: counter(
    'statements',
    POOL,
    'Statements the server was asked to cancel because their holder had gone away.',
  ),
  db_client_retries_total: counter(
    'sessions',
    { ...POOL, outcome: RETRY_RESULTS },
    'Repeatable work that met a serialization failure or a deadlock, by what became of it.',
  ),
  db_replica_usable: gauge(
    'replicas',
    POOL,
    'Whether the replica is read from: 1, or 0 while it is too far behind, promoted or away.',
  ),
  db_replica_lag_seconds: gauge(
    'seconds',
    POOL,
    'How far the replica was behind at the last look; absent while it is not known.',
  ),
  db_replica_max_lag_seconds: gauge(
    'seconds',
    POOL,
    'How far behind the replica may be to be read from, DB_REPLICA_MAX_LAG_MS.',
  ),
  db_replica_fallbacks_total: counter(
    'sessions',
    { reason: REPLICA_FALLBACKS },
    'Sessions that only read and went to the primary although there are replicas, by reason.',
  ),
  db_client_connection_count: gauge(
    'connections',
    { ...POOL, db_client_connection_state: CONNECTION_STATES },
    'Connections of the pool, by state.',
  ),
  db_client_connection_max: gauge(
    'connections',
    POOL,
    'Most connections the pool opens: its size and its overflow.',
  ),
  db_client_connection_idle_min: gauge(
    'connections',
    POOL,
    'Connections that idleness never closes: the size of the pool.',
  ),
  db_client_connection_idle_max: gauge(
    'connections',
    POOL,
    'Most connections that may lie idle, until the idle timeout closes the overflow.',
  ),
  db_client_connection_pending_requests: gauge(
    'requests',
    POOL,
    'Borrowers waiting for a connection now.',
  ),
  db_client_connection_oldest_pending_seconds: gauge(
    'seconds',
    POOL,
    'How long the first borrower of the queue has waited; 0 when nobody waits.',
  ),
  db_client_connection_oldest_use_seconds: gauge(
    'seconds',
    POOL,
    'Age of the lease that is held longest; 0 when none is.',
  ),
  db_client_connection_wait_time_seconds: durations(
    { ...POOL, outcome: ACQUIRE_RESULTS },
    'Time to get a connection, or to learn that there is none: wait, connect and ping together.',
  ),
  db_client_connection_create_time_seconds: durations(
    POOL,
    'Time to open a connection and set up its session.',
  ),
  db_client_connection_use_time_seconds: durations(
    POOL,
    'Time between the lease of a connection and its end, returned or taken back.',
  ),
  db_client_connection_timeouts_total: counter(
    'requests',
    POOL,
    'Borrowers who got no connection within the acquire deadline.',
  ),
  db_client_connection_rejections_total: counter(
    'requests',
    POOL,
    'Borrowers refused at once because the queue of the pool was full.',
  ),
  db_client_connection_failures_total: counter(
    'connections',
    { ...POOL, reason: CONNECT_FAILURE_REASONS },
    'Attempts to connect that failed, by reason.',
  ),
  db_client_connection_opened_total: counter('connections', POOL, 'Connections opened.'),
  db_client_connection_closed_total: counter(
    'connections',
    { ...POOL, reason: CLOSE_REASONS },
    'Connections closed, by reason.',
  ),
  db_client_connection_pings_total: counter(
    'pings',
    { ...POOL, outcome: PING_RESULTS },
    'Idle connections verified before use; a failed one is retired and replaced.',
  ),
  db_client_connection_used_seconds_total: counter(
    'seconds',
    POOL,
    'Integral of the leased connections over time: connection seconds.',
  ),
  db_client_connection_exhausted_seconds_total: counter(
    'seconds',
    POOL,
    'Time in which every connection the pool may open was leased.',
  ),
  db_client_connection_leaks_total: counter(
    'leases',
    POOL,
    'Leases held for longer than the leak threshold, each counted once.',
  ),
  db_client_connection_reclaimed_total: counter(
    'leases',
    { ...POOL, reason: RECLAIM_CAUSES },
    'Leases taken back because their connection died or was given up, by reason.',
  ),
  db_tls_certificate_expiry_seconds: gauge(
    'seconds',
    POOL,
    "Time left until the first certificate expires that the connections of the pool depend on: the server's, one that vouches for it, or ours. Negative once it has; absent without TLS.",
  ),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

function counter<L extends MetricDefinition['labels']>(unit: string, labels: L, help: string) {
  return { type: 'counter', unit, help, labels } as const;
}

function gauge<L extends MetricDefinition['labels']>(unit: string, labels: L, help: string) {
  return { type: 'gauge', unit, help, labels } as const;
}

function durations<L extends MetricDefinition['labels']>(labels: L, help: string) {
  return { type: 'histogram', unit: 'seconds', help, labels, buckets: BUCKETS } as const;
}
