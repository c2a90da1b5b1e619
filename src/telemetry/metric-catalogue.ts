import { DATABASE_METRICS } from './database-metric-catalogue.ts';
import type { MetricDefinition } from './metric-definition.ts';
import { DATABASE_PHASES, HTTP_METHODS, OTHER_METHOD, READY_STATES } from './metric-labels.ts';
import { POSTGRES_METRICS } from './postgres-metric-catalogue.ts';
import { PROCESS_METRICS } from './process-metric-catalogue.ts';

const ROUTE = { http_route: 'templates of the routes, and unmatched' } as const;
const METHOD = { http_request_method: [...HTTP_METHODS, OTHER_METHOD] } as const;

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
      ...ROUTE,
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
  http_server_request_db_operations: {
    type: 'histogram',
    unit: 'operations',
    help: 'Statements that requests with a session sent to the database.',
    labels: ROUTE,
    buckets: [1, 2, 5, 10, 20, 50, 100],
  },
  http_server_request_db_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Time that requests with a session spent waiting for a connection, and on statements.',
    labels: { ...ROUTE, phase: DATABASE_PHASES },
    buckets: [0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  },
  ...DATABASE_METRICS,
  ...POSTGRES_METRICS,
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
  otel_spans_dropped_total: {
    type: 'counter',
    unit: 'spans',
    help: 'Sampled spans that were not delivered: the queue was full or the export failed.',
    labels: {},
  },
  ...PROCESS_METRICS,
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
