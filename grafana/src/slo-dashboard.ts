import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { CLIENT_ROUTES, TIMED_ROUTES } from './client-routes.ts';
import { OUTCOME_COLOURS } from './colours.ts';
import type { Colours } from './colours.ts';
import { timeseries } from './curve-panels.ts';
import { NO_TRAFFIC, OVERDRAWN, stat } from './stat-panel.ts';
import { dashboard } from './dashboard.ts';
import type { Row } from './dashboard.ts';
import { notBelow, UNJUDGED } from './limits.ts';
import type { Limits } from './limits.ts';
import type { DashboardName } from './links.ts';
import { rate } from './promql.ts';
import type { Promql } from './promql.ts';
import { budgetLeft, burnRate, kept, minutesLeft, objective } from './recording-rules.ts';
import type { Slo } from './recording-rules.ts';
import { curve, figure } from './targets.ts';

/** The burn rates that the alerts fire at, from a ticket to a page. */
const BURN_RATES: Limits = [
  { value: null, color: 'green' },
  { value: 1, color: 'yellow' },
  { value: 3, color: 'orange' },
  { value: 6, color: 'red' },
  { value: 14.4, color: 'dark-red' },
];

const requests = rate('http_server_request_duration_seconds_count', CLIENT_ROUTES).sum(
  'http_route',
);
const timed = rate('http_server_request_duration_seconds_count', TIMED_ROUTES).sum('http_route');
const fast = rate('http_server_request_duration_seconds_bucket', {
  ...TIMED_ROUTES,
  le: '0.5',
}).sum('http_route');
const failed = rate('http_server_request_duration_seconds_count', {
  ...CLIENT_ROUTES,
  http_response_status_code: { like: '5..' },
}).sum('http_route');

const NOT_GIVEN = ['timeout', 'refused', 'error'] as const;
const given = rate('db_client_connection_wait_time_seconds_count', { outcome: { not: NOT_GIVEN } });
const givenSoon = rate('db_client_connection_wait_time_seconds_bucket', {
  le: '0.1',
  outcome: { not: NOT_GIVEN },
});
const notGiven = rate('db_client_connection_wait_time_seconds_count', { outcome: NOT_GIVEN });

/** What was promised, what was kept, and how long the rest of the budget lasts. */
export function sloDashboard(): Dashboard {
  return dashboard('slo', {
    title: 'SLO',
    description:
      'What was promised for 30 days, what was kept, and how long the rest of the budget lasts.',
    rows: [
      objectiveRow(10, {
        slo: 'availability',
        title: 'Availability: requests that are not answered with 5xx',
        bad: failed.or0Of(requests),
        by: '{{http_route}}',
        to: 'overview',
      }),
      objectiveRow(20, {
        slo: 'latency',
        title: 'Latency: requests that take no longer than 500 ms',
        bad: timed.minus(fast),
        by: '{{http_route}}',
        to: 'overview',
      }),
      objectiveRow(30, {
        slo: 'acquire',
        title: 'Acquire: connections that are had within 100 ms',
        bad: given.sum('outcome').minus(givenSoon.sum('outcome')).or(notGiven.sum('outcome')),
        by: '{{outcome}}',
        colours: OUTCOME_COLOURS,
        to: 'pool',
      }),
    ],
  });
}

interface Objective {
  readonly slo: Slo;
  readonly title: string;
  /** Bad events per second, and the name of each of its curves. */
  readonly bad: Promql;
  readonly by: string;
  readonly colours?: Colours;
  readonly to: DashboardName;
}

/** One row an objective; its panels are numbered from `id` on. */
function objectiveRow(id: number, { slo, title, bad, by, colours, to }: Objective): Row {
  return {
    id,
    title,
    panels: [
      stat({
        id: id + 1,
        title: `Objective: ${slo}`,
        unit: 'percentunit',
        width: 6,
        empty: NO_TRAFFIC,
        limits: UNJUDGED,
        targets: [figure(objective(slo).min(), 'promised')],
        shows: 'Share of the events that is promised to be good, over 30 days.',
        bad: 'nothing: it is decided, not measured.',
        next: 'what was kept, beside it.',
      }),
      stat({
        id: id + 2,
        title: `30-day SLI: ${slo}`,
        unit: 'percentunit',
        width: 6,
        empty: NO_TRAFFIC,
        limits: UNJUDGED,
        targets: [figure(kept(slo).min(), 'kept')],
        shows: 'Share of the events that were good in the last 30 days.',
        bad: 'below the objective beside it: the promise is broken.',
        next: 'when, in the burn rate below.',
      }),
      stat({
        id: id + 3,
        title: `Budget left: ${slo}`,
        unit: 'percentunit',
        width: 6,
        empty: NO_TRAFFIC,
        limits: notBelow(0, 0.5),
        mappings: [OVERDRAWN],
        targets: [figure(budgetLeft(slo).min(), 'left')],
        shows: 'Bad events that are still allowed in these 30 days, as a share of all that are.',
        bad: 'below 50 %: careful with deploys. Below 0: mend before anything else.',
        next: 'what used it, below.',
      }),
      stat({
        id: id + 4,
        title: `Time to exhaustion: ${slo}`,
        unit: 'm',
        width: 6,
        empty: NO_TRAFFIC,
        limits: notBelow(60, 4320),
        targets: [figure(minutesLeft(slo).min(), 'time')],
        shows: 'When the budget is gone if the last hour goes on; 30 days at most.',
        bad: 'below three days: mend it today. Below an hour: now.',
        next: 'what is bad at present, below.',
      }),
      timeseries({
        id: id + 5,
        title: `Burn rate: ${slo}`,
        unit: 'short',
        width: 12,
        limits: BURN_RATES,
        reach: 15,
        targets: (['5m', '1h', '6h', '3d'] as const).map((window) =>
          curve(burnRate(slo, window).max(), window),
        ),
        shows:
          'How fast the budget is used; at 1 it lasts exactly 30 days. Lines at 1, 3, 6 and 14.4.',
        bad: 'two windows above a line: that is when the alerts fire.',
        next: 'bad events beside it.',
      }),
      timeseries({
        id: id + 6,
        title: `Bad events: ${slo}`,
        unit: 'cps',
        width: 12,
        ...(colours === undefined ? {} : { colours }),
        targets: [curve(bad, by)],
        shows: 'Events per second that use the budget, by where they happen.',
        bad: 'one that is far above the others: it is that one.',
        next: 'its figures of the same time.',
        to,
      }),
    ],
  };
}
