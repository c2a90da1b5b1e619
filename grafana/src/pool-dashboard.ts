import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { stacked, timeseries } from './curve-panels.ts';
import { heatmap } from './panels.ts';
import { dashboard } from './dashboard.ts';
import { COLOURS, OUTCOME_COLOURS, quantileColours, CONNECTION_COLOURS } from './colours.ts';
import { atMost, notAbove, notBelow } from './limits.ts';
import { gauge, perMinute, quantile, rate } from './promql.ts';
import { buckets, curve } from './targets.ts';

const POOL = 'db_client_connection_pool_name';
const BY_POOL = '{{db_client_connection_pool_name}}';
const ONE_POOL = ['job', 'instance', POOL] as const;
const BY_INSTANCE = `${BY_POOL} of {{instance}}`;

/** How full the pools are, who waits, who holds, and whether connecting works. */
export function poolDashboard(): Dashboard {
  return dashboard('pool', {
    title: 'Pool',
    description:
      'How full the pools are, who waits and for how long, who holds, and whether connecting works.',
    rows: [
      {
        id: 1,
        title: 'Saturation',
        panels: [
          stacked({
            id: 2,
            title: 'Connections by state',
            unit: 'short',
            width: 12,
            line: 'maximum',
            colours: CONNECTION_COLOURS,
            targets: [
              ...(['used', 'connecting', 'idle'] as const).map((state) =>
                curve(
                  gauge('db_client_connection_count', { db_client_connection_state: state }).sum(),
                  state,
                ),
              ),
              curve(gauge('db_client_connection_max').sum(), 'maximum'),
            ],
            shows: 'Connections of the chosen pools by state, under the most there may be.',
            bad: 'used at the maximum; connecting that stays.',
            next: 'waiting, below; when connecting stays, the row Connect.',
          }),
          timeseries({
            id: 3,
            title: 'Utilisation',
            unit: 'percentunit',
            width: 12,
            limits: notAbove(0.8, 0.9),
            targets: [
              curve(
                rate('db_client_connection_used_seconds_total')
                  .sum(...ONE_POOL)
                  .over(gauge('db_client_connection_max').sum(...ONE_POOL)),
                BY_INSTANCE,
              ),
            ],
            shows:
              'Leased connection seconds against all there could be: exact, also between two scrapes.',
            bad: 'above 90 % while somebody waits.',
            next: 'hold times: shorter leases help sooner than more connections.',
          }),
          timeseries({
            id: 4,
            title: 'Share of time exhausted',
            unit: 'percentunit',
            width: 8,
            limits: notAbove(0.1, 0.5),
            targets: [
              curve(
                rate('db_client_connection_exhausted_seconds_total').max(...ONE_POOL),
                BY_INSTANCE,
              ),
            ],
            shows: 'Part of the time in which every connection was leased.',
            bad: 'more than short bursts.',
            next: 'who holds them: GET /pool names the holders.',
          }),
          timeseries({
            id: 5,
            title: 'Waiting',
            unit: 'short',
            width: 8,
            limits: notAbove(1),
            targets: [
              curve(gauge('db_client_connection_pending_requests').max(...ONE_POOL), BY_INSTANCE),
            ],
            shows: 'Borrowers in the queue at the moment of the scrape.',
            bad: 'above 0 from scrape to scrape.',
            next: 'the oldest waiter beside it, and timeouts.',
          }),
          timeseries({
            id: 6,
            title: 'Oldest waiter',
            unit: 's',
            width: 8,
            limits: notAbove(0.1, 1),
            targets: [
              curve(
                gauge('db_client_connection_oldest_pending_seconds').max(...ONE_POOL),
                BY_INSTANCE,
              ),
            ],
            shows: 'How long the first of the queue has waited; 0 when nobody waits.',
            bad: 'near the acquire deadline: timeouts follow.',
            next: 'oldest lease: does somebody hold for long.',
          }),
        ],
      },
      {
        id: 10,
        title: 'Wait',
        panels: [
          timeseries({
            id: 11,
            title: 'Time to a connection',
            unit: 's',
            width: 8,
            limits: notAbove(0.1, 0.25),
            colours: quantileColours(COLOURS.wait),
            targets: [0.5, 0.95, 0.99].map((q) =>
              curve(quantile(q, 'db_client_connection_wait_time_seconds'), `p${q * 100}`),
            ),
            shows: 'Wait, connect and ping together, of all who asked.',
            bad: 'p99 above 100 ms, the objective.',
            next: 'outcomes: queued means too few, new means connecting is slow.',
          }),
          timeseries({
            id: 12,
            title: 'Within 100 ms',
            unit: 'percentunit',
            width: 8,
            limits: notBelow(0.99, 0.999),
            targets: [
              curve(
                rate('db_client_connection_wait_time_seconds_bucket', { le: '0.1' })
                  .sum(POOL)
                  .over(rate('db_client_connection_wait_time_seconds_count').sum(POOL)),
                BY_POOL,
              ),
            ],
            shows: 'Share of the borrowers who had their answer within 100 ms.',
            bad: 'below 99.9 %, the objective.',
            next: 'the budget that it costs.',
            to: 'slo',
          }),
          heatmap({
            id: 13,
            title: 'Waits',
            unit: 's',
            width: 8,
            targets: [buckets(rate('db_client_connection_wait_time_seconds_bucket').sum('le'))],
            shows: 'How many waited how long.',
            bad: 'a second band above the usual one: two kinds of borrowers, or connects among them.',
            next: 'outcomes, below.',
          }),
          timeseries({
            id: 14,
            title: 'Outcomes',
            unit: 'cps',
            width: 8,
            colours: OUTCOME_COLOURS,
            targets: [
              curve(
                rate('db_client_connection_wait_time_seconds_count').sum('outcome'),
                '{{outcome}}',
              ),
            ],
            shows: 'How asking for a connection ended, per second.',
            bad: 'timeout, refused, error; queued instead of reused.',
            next: 'timeouts and rejections beside it, failures by reason below.',
          }),
          timeseries({
            id: 15,
            title: 'Timeouts per minute',
            unit: 'short',
            width: 8,
            limits: atMost(0),
            targets: [curve(perMinute('db_client_connection_timeouts_total').sum(POOL), BY_POOL)],
            shows: 'Borrowers who got no connection within the acquire deadline.',
            bad: 'any: each is a request answered with 503.',
            next: 'what the log says of the pool at that time.',
            to: 'logs-traces',
          }),
          timeseries({
            id: 16,
            title: 'Rejections per minute',
            unit: 'short',
            width: 8,
            limits: atMost(0),
            targets: [curve(perMinute('db_client_connection_rejections_total').sum(POOL), BY_POOL)],
            shows: 'Borrowers refused at once because the queue was full.',
            bad: 'any: far more demand than connections.',
            next: 'requests by route: who asks so much.',
            to: 'overview',
          }),
        ],
      },
      {
        id: 20,
        title: 'Hold and leaks',
        panels: [
          timeseries({
            id: 21,
            title: 'Time held',
            unit: 's',
            width: 12,
            limits: notAbove(1),
            colours: quantileColours(COLOURS.wait),
            targets: [0.5, 0.95, 0.99].map((q) =>
              curve(quantile(q, 'db_client_connection_use_time_seconds'), `p${q * 100}`),
            ),
            shows: 'Time from the lease of a connection to its end.',
            bad: 'longer than the statements take: work or waiting inside a session.',
            next: 'operations, to compare with.',
            to: 'queries',
          }),
          timeseries({
            id: 22,
            title: 'Oldest lease',
            unit: 's',
            width: 12,
            limits: notAbove(5, 10),
            targets: [
              curve(gauge('db_client_connection_oldest_use_seconds').max(...ONE_POOL), BY_INSTANCE),
            ],
            shows: 'Age of the lease that is held longest.',
            bad: 'a line that climbs like a ramp: somebody does not give it back.',
            next: 'GET /pool names the holder; the log has its stack when leak detection is on.',
          }),
          timeseries({
            id: 23,
            title: 'Held but not given back',
            unit: 'short',
            width: 12,
            limits: notAbove(0.5, 1),
            targets: [
              curve(
                rate('db_client_connection_used_seconds_total')
                  .sum(...ONE_POOL)
                  .minus(rate('db_client_connection_use_time_seconds_sum').sum(...ONE_POOL)),
                BY_INSTANCE,
              ),
            ],
            shows:
              'Leased connections less those that ended leases account for: around 0 when all come back.',
            bad: 'steadily above 0 in flat traffic: a leak, of as many connections.',
            next: 'leaks beside it.',
          }),
          timeseries({
            id: 24,
            title: 'Leaks per minute',
            unit: 'short',
            width: 12,
            limits: atMost(0),
            targets: [curve(perMinute('db_client_connection_leaks_total').sum(POOL), BY_POOL)],
            shows: 'Leases held for longer than the leak threshold, each counted once.',
            bad: 'any.',
            next: 'the line db.pool.leak: its route and its stack.',
            to: 'logs-traces',
          }),
        ],
      },
      {
        id: 30,
        title: 'Connect',
        panels: [
          timeseries({
            id: 31,
            title: 'Failures per minute, by reason',
            unit: 'short',
            width: 8,
            limits: atMost(0),
            targets: [
              curve(perMinute('db_client_connection_failures_total').sum('reason'), '{{reason}}'),
            ],
            shows: 'Attempts to connect that failed.',
            bad: 'any; the reason says whose fault: refused the server, dns and timeout the network, auth the password.',
            next: 'health of the server.',
            to: 'postgresql',
          }),
          timeseries({
            id: 32,
            title: 'Time to connect',
            unit: 's',
            width: 8,
            limits: notAbove(0.25, 1),
            colours: quantileColours(COLOURS.wait),
            targets: [0.5, 0.99].map((q) =>
              curve(quantile(q, 'db_client_connection_create_time_seconds'), `p${q * 100}`),
            ),
            shows:
              'Time to open a connection and set up its session; no line while none is opened.',
            bad: 'above a quarter second: network, TLS, or a server without CPU.',
            next: 'sessions of the server.',
            to: 'postgresql',
          }),
          timeseries({
            id: 33,
            title: 'Opened',
            unit: 'cps',
            width: 8,
            limits: notAbove(1),
            targets: [curve(rate('db_client_connection_opened_total').sum(POOL), BY_POOL)],
            shows: 'Connections opened per second.',
            bad: 'above 1 for minutes: churn, the pool is too small or connections die young.',
            next: 'why they were closed, below.',
          }),
          timeseries({
            id: 34,
            title: 'Closed by reason',
            unit: 'cps',
            width: 8,
            targets: [curve(rate('db_client_connection_closed_total').sum('reason'), '{{reason}}')],
            shows: 'Connections closed per second.',
            bad: 'broken, timeout, failed_ping, dirty, failover; idle and lifetime are usual.',
            next: 'the lines of the pool at that time.',
            to: 'logs-traces',
          }),
          timeseries({
            id: 35,
            title: 'Failed pings per minute',
            unit: 'short',
            width: 8,
            limits: atMost(0),
            targets: [
              curve(
                perMinute('db_client_connection_pings_total', { outcome: 'failed' }).sum(POOL),
                BY_POOL,
              ),
            ],
            shows:
              'Idle connections that did not answer before use; they were replaced, no request failed.',
            bad: 'many at once: the server restarted, or something between cuts idle connections.',
            next: 'restarts and health of the server.',
            to: 'postgresql',
          }),
          timeseries({
            id: 36,
            title: 'Reclaimed leases per minute',
            unit: 'short',
            width: 8,
            limits: atMost(0),
            targets: [
              curve(perMinute('db_client_connection_reclaimed_total').sum('reason'), '{{reason}}'),
            ],
            shows: 'Leases taken back because their connection died or was given up.',
            bad: 'any: a statement was cut off.',
            next: 'errors by code.',
            to: 'queries',
          }),
        ],
      },
      {
        id: 40,
        title: 'Sessions',
        panels: [
          timeseries({
            id: 41,
            title: 'Open sessions',
            unit: 'short',
            width: 8,
            targets: [curve(gauge('db_sessions_active').sum(POOL), BY_POOL)],
            shows: 'Units of work that are open now, with or without a connection.',
            bad: 'growing while traffic is flat.',
            next: 'how long they last, beside it.',
          }),
          timeseries({
            id: 42,
            title: 'Session outcomes',
            unit: 'cps',
            width: 8,
            colours: OUTCOME_COLOURS,
            targets: [curve(rate('db_sessions_total').sum('outcome'), '{{outcome}}')],
            shows: 'How sessions ended, per second.',
            bad: 'error: neither commit nor rollback was confirmed.',
            next: 'errors by code.',
            to: 'queries',
          }),
          timeseries({
            id: 43,
            title: 'Session duration',
            unit: 's',
            width: 8,
            limits: notAbove(0.5),
            colours: quantileColours(COLOURS.http),
            targets: [0.5, 0.95, 0.99].map((q) =>
              curve(quantile(q, 'db_session_duration_seconds'), `p${q * 100}`),
            ),
            shows: 'From the fork to the end of commit or rollback.',
            bad: 'above the objective of a request, 500 ms.',
            next: 'wait and hold times, above.',
          }),
        ],
      },
    ],
  });
}
