import type { MetricDefinition } from './metric-definition.ts';
import {
  CLOSE_REASONS,
  CONNECT_FAILURE_REASONS,
  CONNECTION_STATES,
  ERROR_CODES,
  HTTP_METHODS,
  OTHER_METHOD,
  READY_STATES,
  SESSION_RESULTS,
} from './metric-labels.ts';
import { PROCESS_METRICS } from './process-metric-catalogue.ts';

const METHOD = { http_request_method: [...HTTP_METHODS, OTHER_METHOD] } as const;
const POOL = { db_client_connection_pool_name: 'names of pools in the settings' } as const;

/**
 * Every metric there is, by name: the only place where one is defined. docs/metrics.md and the
 * dashboards are held equal to it. Seconds in buckets hold 0.1 and 0.5, the limits of the service
 * level objectives, and go below a millisecond for the database.
 */
export const METRICS = {
  http_server_request_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Duration of requests, from the first byte read to the last one written.',
    labels: {
      ...METHOD,
      http_route: 'templates of the routes, and unmatched',
      http_response_status_code: 'status codes the service answers with',
    },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  http_server_active_requests: {
    type: 'gauge',
    unit: 'requests',
    help: 'Requests being answered now.',
    labels: METHOD,
  },
  db_sessions_active: {
    type: 'gauge',
    unit: 'sessions',
    help: 'Sessions open now.',
    labels: POOL,
  },
  db_sessions_total: {
    type: 'counter',
    unit: 'sessions',
    help: 'Sessions ended; error means that neither commit nor rollback was confirmed.',
    labels: { ...POOL, outcome: SESSION_RESULTS },
  },
  db_session_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Duration of sessions, from the fork to the end of commit or rollback.',
    labels: POOL,
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  db_client_errors_total: {
    type: 'counter',
    unit: 'errors',
    help: 'Sessions that ended with a database error, by its code.',
    labels: { ...POOL, code: ERROR_CODES },
  },
  db_client_connection_count: {
    type: 'gauge',
    unit: 'connections',
    help: 'Connections of the pool, by state.',
    labels: { ...POOL, db_client_connection_state: CONNECTION_STATES },
  },
  db_client_connection_max: {
    type: 'gauge',
    unit: 'connections',
    help: 'Most connections the pool opens: its size and its overflow.',
    labels: POOL,
  },
  db_client_connection_idle_min: {
    type: 'gauge',
    unit: 'connections',
    help: 'Connections that idleness never closes: the size of the pool.',
    labels: POOL,
  },
  db_client_connection_idle_max: {
    type: 'gauge',
    unit: 'connections',
    help: 'Most connections that may lie idle, until the idle timeout closes the overflow.',
    labels: POOL,
  },
  db_client_connection_pending_requests: {
    type: 'gauge',
    unit: 'requests',
    help: 'Borrowers waiting for a connection now.',
    labels: POOL,
  },
  db_client_connection_opened_total: {
    type: 'counter',
    unit: 'connections',
    help: 'Connections opened.',
    labels: POOL,
  },
  db_client_connection_closed_total: {
    type: 'counter',
    unit: 'connections',
    help: 'Connections closed, by reason.',
    labels: { ...POOL, reason: CLOSE_REASONS },
  },
  db_client_connection_failures_total: {
    type: 'counter',
    unit: 'connections',
    help: 'Attempts to connect that failed, by reason.',
    labels: { ...POOL, reason: CONNECT_FAILURE_REASONS },
  },
  db_client_connection_timeouts_total: {
    type: 'counter',
    unit: 'sessions',
    help: 'Sessions that got no connection within the acquire deadline.',
    labels: POOL,
  },
  db_client_connection_rejections_total: {
    type: 'counter',
    unit: 'sessions',
    help: 'Sessions refused because the queue of the pool was full.',
    labels: POOL,
  },
  tidegauge_build_info: {
    type: 'gauge',
    unit: '1',
    help: 'What runs; always 1.',
    labels: {
      version: 'one value a process',
      commit: 'one value a process',
      node_version: 'one value a process',
      postgres_version: 'unknown, then the version of the server',
    },
  },
  tidegauge_migrations_pending: {
    type: 'gauge',
    unit: 'migrations',
    help: 'Migrations the database lacks; absent while that is not known.',
    labels: {},
  },
  tidegauge_ready: {
    type: 'gauge',
    unit: '1',
    help: 'State of readiness: 1 for the current one, 0 for the others.',
    labels: { state: READY_STATES },
  },
  ...PROCESS_METRICS,
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
