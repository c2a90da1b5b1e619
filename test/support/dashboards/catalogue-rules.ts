import { RECORDING_RULES, SLOS } from '#grafana/recording-rules.ts';
import { catalogueFaults } from '#test/support/promql/catalogue-faults.ts';
import type { SeriesLabels } from '#test/support/promql/catalogue-faults.ts';
import type { DashboardJson } from './dashboard-json.ts';
import { expandVariables } from './expand-variables.ts';
import type { Rules } from './rule.ts';
import { promqlOf } from './target-rules.ts';

const JOB = { job: 'names of jobs' };
/** What Prometheus makes itself. */
const MADE = new Map<string, SeriesLabels>([
  [
    'ALERTS',
    {
      ...JOB,
      alertname: 'names of alerts',
      alertstate: ['pending', 'firing'],
      severity: ['critical', 'warning', 'none'],
    },
  ],
  ...RECORDING_RULES.map((name) => [name, { ...JOB, slo: SLOS }] as const),
]);

/** Dashboards ask for what the service tells, and for nothing else. */
export const CATALOGUE_RULES: Rules = {
  'series, labels, values and groupings are those of the catalogue': (dashboard) =>
    expressionsOf(dashboard).flatMap((expr) => catalogueFaults(expr, MADE)),
};

function expressionsOf(dashboard: DashboardJson): readonly string[] {
  return [
    ...promqlOf(dashboard),
    ...dashboard.annotations.list.map(({ expr }) => expandVariables(expr)),
    ...dashboard.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ query }) => expandVariables(query.replace(/^label_values\((.+), \w+\)$/, '$1'))),
  ];
}
