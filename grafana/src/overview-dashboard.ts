import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { CLIENT_ROUTES } from './client-routes.ts';
import { COLOURS, WAIT_COLOURS } from './colours.ts';
import { stacked, timeseries } from './curve-panels.ts';
import { NO_TRAFFIC, OVERDRAWN, stat } from './stat-panel.ts';
import { dashboard } from './dashboard.ts';
import { atMost, notAbove, notBelow } from './limits.ts';
import { constant, gauge, quantile, quantileOf, rate, up } from './promql.ts';
import { budgetLeft, burnRate, firingAlerts } from './recording-rules.ts';
import { curve, figure } from './targets.ts';

const answered = rate('http_server_request_duration_seconds_count', CLIENT_ROUTES);
const durations = rate('http_server_request_duration_seconds_bucket', CLIENT_ROUTES);
const failed = rate('http_server_request_duration_seconds_count', {
  ...CLIENT_ROUTES,
  http_response_status_code: { like: '5..' },
});
const poolUse = rate('db_client_connection_used_seconds_total')
  .sum('job', 'instance', 'db_client_connection_pool_name')
  .over(gauge('db_client_connection_max').sum('job', 'instance', 'db_client_connection_pool_name'));
const served = rate('http_server_request_db_operations_count').sum('http_route');
const waited = rate('http_server_request_db_seconds_sum', { phase: 'wait' }).sum('http_route');
const queried = rate('http_server_request_db_seconds_sum', { phase: 'query' }).sum('http_route');

/** The first screen of whoever is paged: is it bad, since when, and whose fault is it. */
export function overviewDashboard(): Dashboard {
  return dashboard('overview', {
    title: 'Service overview',
    description:
      'Is it bad, since when, and whose fault: traffic, pool, query, database or event loop.',
    rows: [
      {
        id: 1,
        title: 'Now',
        panels: [
          stat({
            id: 2,
            title: 'Firing alerts',
            unit: 'short',
            width: 3,
            limits: atMost(0),
            targets: [figure(firingAlerts().count().or(constant(0)), 'firing')],
            shows: 'Alerts of this job that fire now.',
            bad: 'any.',
            next: 'the runbook that the alert links to.',
          }),
          stat({
            id: 3,
            title: 'Instances up',
            unit: 'short',
            width: 3,
            limits: notBelow(1, 1),
            targets: [figure(up().sum(), 'up')],
            shows: 'Instances that Prometheus can scrape.',
            bad: 'fewer than are deployed.',
            next: 'restarts and memory of the process.',
            to: 'node',
          }),
          stat({
            id: 4,
            title: 'Error ratio',
            empty: NO_TRAFFIC,
            unit: 'percentunit',
            width: 3,
            limits: notAbove(0.001, 0.01),
            targets: [figure(failed.sum().or0Of(answered.sum()).over(answered.sum()), 'errors')],
            shows: 'Share of the requests that were answered with 5xx.',
            bad: 'above 0.1 %, which is what the objective allows.',
            next: 'errors by route below, then the lines of that time.',
            to: 'logs-traces',
          }),
          stat({
            id: 5,
            title: 'Burn rate, 1 h',
            empty: NO_TRAFFIC,
            unit: 'short',
            width: 3,
            limits: notAbove(1, 14.4),
            targets: [
              figure(
                burnRate('availability', '1h')
                  .or(burnRate('latency', '1h'))
                  .or(burnRate('acquire', '1h'))
                  .max(),
                'worst objective',
              ),
            ],
            shows:
              'How fast the worst objective uses its error budget: at 1 it lasts exactly 30 days.',
            bad: 'above 14.4 for an hour: 2 % of the budget are gone.',
            next: 'which objective, and since when.',
            to: 'slo',
          }),
          stat({
            id: 6,
            title: 'Budget left, 30 d',
            empty: NO_TRAFFIC,
            unit: 'percentunit',
            width: 3,
            limits: notBelow(0, 0.5),
            mappings: [OVERDRAWN],
            targets: [
              figure(
                budgetLeft('availability')
                  .or(budgetLeft('latency'))
                  .or(budgetLeft('acquire'))
                  .min(),
                'worst objective',
              ),
            ],
            shows: 'What is left of the error budget of the worst objective.',
            bad: 'below 50 % be careful with deploys, below 0 the objective is missed.',
            next: 'which objective, and the routes that used it.',
            to: 'slo',
          }),
          stat({
            id: 7,
            title: 'HTTP p99',
            empty: NO_TRAFFIC,
            unit: 's',
            width: 3,
            limits: notAbove(0.25, 0.5),
            targets: [figure(quantileOf(0.99, durations), 'p99')],
            shows: 'Duration that 99 of 100 requests stay below.',
            bad: 'above 500 ms, the objective.',
            next: 'the row below: which part of it grew.',
          }),
          stat({
            id: 8,
            title: 'Worst pool use',
            unit: 'percentunit',
            width: 3,
            limits: notAbove(0.8, 0.95),
            targets: [figure(poolUse.max(), 'used')],
            shows:
              'Leased connection seconds against all there could be, of the fullest pool: exact, also between two scrapes.',
            bad: 'full while somebody waits; full alone is no problem.',
            next: 'who holds them, and for how long.',
            to: 'pool',
          }),
          stat({
            id: 9,
            title: 'Waiting now',
            unit: 'short',
            width: 3,
            limits: notAbove(1, 10),
            targets: [figure(gauge('db_client_connection_pending_requests').sum(), 'waiting')],
            shows: 'Borrowers who wait for a connection, all pools together.',
            bad: 'above 0 for longer than a moment.',
            next: 'saturation and hold times.',
            to: 'pool',
          }),
        ],
      },
      {
        id: 10,
        title: 'Whose fault',
        panels: [
          timeseries({
            id: 11,
            title: 'HTTP against what it is made of',
            unit: 's',
            colours: {
              'HTTP p99': COLOURS.http,
              'pool wait p99': COLOURS.wait,
              'query p99': COLOURS.query,
              'event loop p99': COLOURS.eventLoop,
              'GC per second': COLOURS.gc,
            },
            width: 12,
            height: 10,
            limits: notAbove(0.5),
            targets: [
              curve(quantileOf(0.99, durations), 'HTTP p99'),
              curve(quantile(0.99, 'db_client_connection_wait_time_seconds'), 'pool wait p99'),
              curve(quantile(0.99, 'db_client_operation_duration_seconds'), 'query p99'),
              curve(gauge('nodejs_eventloop_lag_p99_seconds').max(), 'event loop p99'),
              curve(rate('nodejs_gc_duration_seconds_sum').sum('instance').max(), 'GC per second'),
            ],
            shows:
              'The slowest hundredth of the requests, and of each part they consist of, on one axis; event loop and seconds of GC of the worst instance.',
            bad: 'the part that rises together with HTTP is to blame; HTTP alone means CPU or a slow handler.',
            next: 'wait: Pool. Query: Queries, then PostgreSQL. Event loop or GC: Node process.',
            to: 'pool',
          }),
          timeseries({
            id: 12,
            title: 'Traffic',
            unit: 'reqps',
            width: 6,
            height: 10,
            colours: { requests: COLOURS.http, 'answered with 5xx': 'red' },
            targets: [
              curve(answered.sum(), 'requests'),
              curve(failed.sum().or0Of(answered.sum()), 'answered with 5xx'),
            ],
            shows: 'Requests per second, and those of them that were answered with 5xx.',
            bad: 'a jump just before the durations rose: it is the traffic.',
            next: 'which route, below.',
          }),
          stacked({
            id: 13,
            title: 'Database server: active sessions',
            unit: 'short',
            width: 6,
            height: 10,
            colours: WAIT_COLOURS,
            targets: [
              curve(
                gauge('pg_stat_activity_count', { state: 'active' }).max('wait_event_type'),
                '{{wait_event_type}}',
              ),
            ],
            shows:
              'Sessions the server works for, of everybody, by what they wait for; none is work on the CPU, and one of them is the look itself.',
            bad: 'none above the number of its cores: the host. IO: its disk. Lock: a transaction that blocks.',
            next: 'who blocks, and for how long.',
            to: 'postgresql',
          }),
        ],
      },
      {
        id: 20,
        title: 'RED by route',
        panels: [
          timeseries({
            id: 21,
            title: 'Rate',
            unit: 'reqps',
            width: 8,
            targets: [curve(answered.sum('http_route'), '{{http_route}}')],
            shows:
              'Requests per second, by route; probes and management are left out on this page.',
            bad: 'a jump or a fall that no deploy and no time of day explains.',
            next: 'errors beside it; unmatched is somebody who guesses paths.',
          }),
          timeseries({
            id: 22,
            title: 'Errors',
            unit: 'percentunit',
            width: 8,
            limits: notAbove(0.001, 0.01),
            targets: [
              curve(
                failed
                  .sum('http_route')
                  .or0Of(answered.sum('http_route'))
                  .over(answered.sum('http_route')),
                '{{http_route}}',
              ),
            ],
            shows: 'Share of the requests that were answered with 5xx, by route.',
            bad: 'above 0.1 %: one route is a bug, all of them are the database or the pool.',
            next: 'errors by code.',
            to: 'queries',
          }),
          timeseries({
            id: 23,
            title: 'Duration p99',
            unit: 's',
            width: 8,
            limits: notAbove(0.5),
            targets: [curve(quantileOf(0.99, durations, 'http_route'), '{{http_route}}')],
            shows:
              'Duration that 99 of 100 requests stay below, by route; a dot is a request with its trace.',
            bad: 'above 500 ms.',
            next: 'the dot leads to the trace; the row below tells the share of the database.',
            to: 'logs-traces',
          }),
        ],
      },
      {
        id: 30,
        title: 'Database per route',
        panels: [
          timeseries({
            id: 31,
            title: 'Queries per request',
            unit: 'short',
            width: 12,
            limits: notAbove(20),
            targets: [
              curve(
                rate('http_server_request_db_operations_sum').sum('http_route').over(served),
                '{{http_route}}',
              ),
            ],
            shows: 'Statements that a request of the route sends on average.',
            bad: 'above 20, or growing with the data: a query in a loop (N+1).',
            next: 'operations of the table concerned.',
            to: 'queries',
          }),
          timeseries({
            id: 32,
            title: 'Routes with most database time',
            unit: 's',
            width: 12,
            targets: [curve(waited.plus(queried).top(), '{{http_route}}')],
            shows:
              'Seconds per second that requests of the route wait for the database or on it: the top ten.',
            bad: 'one route that takes most of it: mend that one first.',
            next: 'wait and query seconds of it, below.',
          }),
          timeseries({
            id: 33,
            title: 'Wait per request',
            unit: 's',
            width: 12,
            limits: notAbove(0.1),
            targets: [curve(waited.over(served), '{{http_route}}')],
            shows: 'Time that a request of the route waits for connections on average.',
            bad: 'above a few milliseconds: the pool is the bottleneck.',
            next: 'saturation.',
            to: 'pool',
          }),
          timeseries({
            id: 34,
            title: 'Query time per request',
            unit: 's',
            width: 12,
            limits: notAbove(0.25),
            targets: [curve(queried.over(served), '{{http_route}}')],
            shows: 'Time that the statements of a request of the route take on average.',
            bad: 'rising while queries per request do not: the statements became slower.',
            next: 'which operation.',
            to: 'queries',
          }),
        ],
      },
    ],
  });
}
