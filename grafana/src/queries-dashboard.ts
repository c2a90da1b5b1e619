import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { timeseries } from './curve-panels.ts';
import { text } from './panels.ts';
import { dashboard } from './dashboard.ts';
import { notAbove } from './limits.ts';
import { increase, perMinute, quantile, rate } from './promql.ts';
import { curve } from './targets.ts';

const POOL = 'db_client_connection_pool_name';
const OPERATION = ['db_operation_name', 'db_collection_name'] as const;
const BY_OPERATION = '{{db_operation_name}} {{db_collection_name}}';

const errors = perMinute('db_client_errors_total').sum('code');

/** Which statement is slow, which fails, and which is sent too often. */
export function queriesDashboard(): Dashboard {
  return dashboard('queries', {
    title: 'Queries',
    description: 'Which statement is slow, which fails, and which is sent too often.',
    rows: [
      {
        id: 1,
        title: 'Operations',
        panels: [
          timeseries({
            id: 2,
            title: 'Slowest operations, p99',
            unit: 's',
            width: 12,
            limits: notAbove(0.2, 0.5),
            targets: [
              curve(
                quantile(0.99, 'db_client_operation_duration_seconds', ...OPERATION).top(),
                BY_OPERATION,
              ),
            ],
            shows:
              'Time at the client, without the wait for a connection: the top ten by operation and table.',
            bad: 'one that left its usual band: a plan changed, a lock, or a table that grew.',
            next: 'locks and waits of the server.',
            to: 'postgresql',
          }),
          timeseries({
            id: 3,
            title: 'Rate of operations',
            unit: 'ops',
            width: 12,
            targets: [
              curve(
                rate('db_client_operation_duration_seconds_count')
                  .sum(...OPERATION)
                  .top(),
                BY_OPERATION,
              ),
            ],
            shows: 'Statements per second, by operation and table: the top ten.',
            bad: 'rising faster than requests: a query in a loop.',
            next: 'queries per request, below.',
          }),
          timeseries({
            id: 4,
            title: 'Failed operations by class',
            empty: 'none seen',
            unit: 'ops',
            width: 12,
            targets: [
              curve(
                rate('db_client_operation_duration_seconds_count', {
                  error_type: { not: [''] },
                }).sum('error_type'),
                '{{error_type}}',
              ),
            ],
            shows: 'Statements that failed, per second; nothing while none does.',
            bad: 'connection and timeout: the server. Constraint and conflict are the answer to a request.',
            next: 'errors by code.',
          }),
          timeseries({
            id: 5,
            title: 'Errors per minute, by code',
            empty: 'none seen',
            unit: 'short',
            width: 12,
            targets: [
              curve(
                errors.whereSome(increase('db_client_errors_total').sum('code')).top(),
                '{{code}}',
              ),
            ],
            shows:
              'Sessions that ended with a database error: the ten codes that are most frequent.',
            bad: 'DB_POOL_*, DB_CONNECT_*, DB_CONNECTION_LOST, DB_QUERY_TIMEOUT; docs/errors.md explains each.',
            next: 'the lines with that code.',
            to: 'logs-traces',
          }),
        ],
      },
      {
        id: 10,
        title: 'Slow, cancelled, repeated',
        panels: [
          timeseries({
            id: 11,
            title: 'Slow queries per minute',
            unit: 'short',
            width: 8,
            limits: notAbove(1),
            targets: [
              curve(
                perMinute('db_client_slow_queries_total').sum(POOL),
                '{{db_client_connection_pool_name}}',
              ),
            ],
            shows: 'Statements that took longer than DB_SLOW_QUERY_MS.',
            bad: 'any that come regularly.',
            next: 'the lines db.query.slow hold the SQL, without values.',
            to: 'logs-traces',
          }),
          timeseries({
            id: 12,
            title: 'Cancelled per minute',
            unit: 'short',
            width: 8,
            limits: notAbove(10),
            targets: [
              curve(
                perMinute('db_client_cancelled_total').sum(POOL),
                '{{db_client_connection_pool_name}}',
              ),
            ],
            shows: 'Statements the server was asked to cancel because their client had gone away.',
            bad: 'many: clients give up before we answer.',
            next: 'duration by route.',
            to: 'overview',
          }),
          timeseries({
            id: 13,
            title: 'Retries per minute',
            unit: 'short',
            width: 8,
            targets: [curve(perMinute('db_client_retries_total').sum('outcome'), '{{outcome}}')],
            shows:
              'Repeatable work that met a serialization failure or a deadlock, by what became of it.',
            bad: 'given_up and budget: somebody was told to try again.',
            next: 'deadlocks and blocked sessions.',
            to: 'postgresql',
          }),
        ],
      },
      {
        id: 20,
        title: 'Sent too often',
        panels: [
          timeseries({
            id: 21,
            title: 'N+1 suspects: queries per request',
            unit: 'short',
            width: 16,
            limits: notAbove(20),
            targets: [
              curve(
                rate('http_server_request_db_operations_sum')
                  .sum('http_route')
                  .over(rate('http_server_request_db_operations_count').sum('http_route'))
                  .top(),
                '{{http_route}}',
              ),
            ],
            shows: 'Statements that a request sends on average: the ten routes that send most.',
            bad: 'above 20, or growing with the data.',
            next: 'a trace of that route shows the same statement again and again.',
            to: 'logs-traces',
          }),
          text({
            id: 22,
            title: 'Top statements',
            width: 8,
            height: 8,
            content:
              'Which statements cost the server most, as SQL, with calls, mean and share of the total:\n\n`GET /pool/queries`\n\non the port of management (`docs/operations.md`, Top statements). Their texts are in no metric: each would be a series.',
            shows:
              'Where the most expensive statements of the server are listed (pg_stat_statements).',
            bad: 'there: one statement with most of the total, or a mean above DB_SLOW_QUERY_MS.',
            next: 'slow queries in the log.',
            to: 'logs-traces',
          }),
        ],
      },
    ],
  });
}
