import type { MetricDefinition } from './metric-definition.ts';
import { HOST_FAULTS, HOST_SOURCES, SESSION_STATES, WAIT_EVENT_TYPES } from './metric-labels.ts';

/** The PostgreSQL server as it sees itself; absent, but for `pg_up` and `pg_scrape_*`, while it does not answer. */
export const POSTGRES_METRICS = {
  pg_up: gauge('1', 'Whether the last snapshot of the server could be taken: 1 or 0.'),
  pg_server_info: gaugeBy(
    { version: 'one value a server' },
    '1',
    'Version of the server; always 1.',
  ),
  pg_in_recovery: gauge('1', 'Whether the server is a standby: 1 or 0.'),
  pg_replication_lag_seconds: gauge(
    'seconds',
    'On a standby, age of the last transaction replayed, 0 while it is connected and has replayed all it received; on a primary, largest replay lag of its standbys, 0 without any; absent where the role may not see it.',
  ),
  pg_stat_activity_count: gaugeBy(
    { state: SESSION_STATES, wait_event_type: WAIT_EVENT_TYPES },
    'sessions',
    'Client sessions of the whole server, by state and by what they wait for; other where the role may not see it.',
  ),
  pg_stat_activity_max_tx_duration_seconds: gauge(
    'seconds',
    'Age of the oldest transaction that a client has open; 0 without any.',
  ),
  pg_blocked_sessions: gauge('sessions', 'Client sessions that wait for a lock another one holds.'),
  pg_settings_max_connections: gauge('connections', 'Most client sessions the server allows.'),
  pg_settings_reserved_connections: gauge(
    'connections',
    'Of these, kept for superusers and for roles with pg_use_reserved_connections.',
  ),
  pg_connections_used: gauge(
    'connections',
    'Client sessions of the whole server, that of the snapshot included.',
  ),
  pg_database_size_bytes: gauge(
    'bytes',
    'Size of the database of this service, measured once a minute.',
  ),
  pg_stat_database_xact_commit_total: counter(
    'transactions',
    'Transactions committed, in the database of this service.',
  ),
  pg_stat_database_xact_rollback_total: counter(
    'transactions',
    'Transactions rolled back, in the database of this service.',
  ),
  pg_stat_database_deadlocks_total: counter('deadlocks', 'Deadlocks detected.'),
  pg_stat_database_blks_hit_total: counter('blocks', 'Blocks found in the buffer cache.'),
  pg_stat_database_blks_read_total: counter('blocks', 'Blocks read from outside of it.'),
  pg_stat_database_temp_bytes_total: counter('bytes', 'Bytes written to temporary files.'),
  pg_stat_database_conflicts_total: counter(
    'queries',
    'Queries cancelled since they conflicted with recovery; on standbys only.',
  ),
  pg_host_stats_available: gauge(
    '1',
    'Whether CPU and memory of the server itself can be had: 1 or 0; the other pg_host_* are absent with 0.',
  ),
  pg_host_info: gaugeBy(
    { source: HOST_SOURCES, fault: HOST_FAULTS },
    '1',
    'Of what CPU and memory are, and what keeps them from being had; always 1.',
  ),
  pg_host_cpu_seconds_total: counter(
    'seconds',
    'CPU time that the server has used since it was started: of its own container, or of all its processes.',
  ),
  pg_host_memory_bytes: gauge(
    'bytes',
    'Memory of the server: of its own container without unused file cache, or proportional set size of its processes.',
  ),
  pg_host_cpu_cores: gauge('cores', 'Cores that the server may use.'),
  pg_host_memory_limit_bytes: gauge('bytes', 'Memory that the server may use.'),
  pg_scrape_duration_seconds: gauge(
    'seconds',
    'How long the last attempt to take a snapshot took.',
  ),
  pg_scrape_errors_total: counter('snapshots', 'Snapshots that could not be taken.'),
  pg_scrape_age_seconds: gauge(
    'seconds',
    'Time since the last snapshot that could be taken; absent before the first.',
  ),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

function counter(unit: string, help: string) {
  return { type: 'counter', unit, help, labels: {} } as const;
}

function gauge(unit: string, help: string) {
  return { type: 'gauge', unit, help, labels: {} } as const;
}

function gaugeBy<L extends MetricDefinition['labels']>(labels: L, unit: string, help: string) {
  return { type: 'gauge', unit, help, labels } as const;
}
