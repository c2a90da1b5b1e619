import { RECORDING_RULES, SLOS } from '#grafana/recording-rules.ts';
import { METRICS } from '#telemetry/metric-catalogue.ts';
import type { MetricDefinition } from '#telemetry/metric-definition.ts';
import type { DashboardJson } from './dashboard-json.ts';
import { expandVariables } from './expand-variables.ts';
import { groupingLabelsOf, selectorsOf } from './promql-selectors.ts';
import type { Matcher } from './promql-selectors.ts';
import type { Rules } from './rule.ts';
import { promqlOf } from './target-rules.ts';

type Labels = MetricDefinition['labels'];

/** What Prometheus adds to every series that it scrapes. */
const SCRAPED = { job: 'names of jobs', instance: 'addresses' };
const FOREIGN: readonly (readonly [string, Labels])[] = [
  ['up', {}],
  [
    'ALERTS',
    {
      alertname: 'names of alerts',
      alertstate: ['pending', 'firing'],
      severity: ['critical', 'warning', 'none'],
    },
  ],
  ...RECORDING_RULES.map((name) => [name, { slo: SLOS }] as const),
];

/** Every series there is, with its labels and what they may be. */
const SERIES = new Map<string, Labels>([
  ...FOREIGN,
  ...Object.entries<MetricDefinition>(METRICS).flatMap(([name, { type, labels, buckets }]) =>
    type === 'histogram'
      ? ([
          [`${name}_sum`, labels],
          [`${name}_count`, labels],
          [`${name}_bucket`, { ...labels, le: [...(buckets ?? []).map(String), '+Inf'] }],
        ] as const)
      : ([[name, labels]] as const),
  ),
]);

/** Dashboards ask for what the service tells, and for nothing else. */
export const CATALOGUE_RULES: Rules = {
  'every series is in the catalogue': (dashboard) =>
    selectorsIn(dashboard)
      .map(({ metric }) => metric)
      .filter((metric) => !SERIES.has(metric)),
  'every label is one of its series': (dashboard) =>
    selectorsIn(dashboard).flatMap(({ metric, matchers }) =>
      matchers
        .filter(({ label }) => labelsOf(metric)[label] === undefined)
        .map(({ label }) => `${metric} has no ${label}`),
    ),
  'every value of a closed label is in its set': (dashboard) =>
    selectorsIn(dashboard).flatMap(({ metric, matchers }) =>
      matchers.flatMap((matcher) => unknownValues(matcher, labelsOf(metric)[matcher.label])),
    ),
  'every grouping is by labels that its series have': (dashboard) =>
    expressionsOf(dashboard).flatMap((expr) => {
      const known = new Set(
        selectorsOf(expr).flatMap(({ metric }) => Object.keys(labelsOf(metric))),
      );
      return groupingLabelsOf(expr)
        .filter((label) => !known.has(label))
        .map((label) => `${label} in ${expr}`);
    }),
};

function labelsOf(metric: string): Labels {
  return { ...SCRAPED, ...SERIES.get(metric) };
}

function expressionsOf(dashboard: DashboardJson): readonly string[] {
  return [
    ...promqlOf(dashboard),
    ...dashboard.annotations.list.map(({ expr }) => expandVariables(expr)),
    ...dashboard.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ query }) => expandVariables(query.replace(/^label_values\((.+), \w+\)$/, '$1'))),
  ];
}

function selectorsIn(dashboard: DashboardJson) {
  return expressionsOf(dashboard).flatMap((expr) => selectorsOf(expr));
}

function unknownValues(
  { label, operator, value }: Matcher,
  set: Labels[string] | undefined,
): readonly string[] {
  if (set === undefined || typeof set === 'string') {
    return [];
  }
  const values = operator.endsWith('~') ? value.split('|') : [value];
  return values
    .map((one) => one.replaceAll('\\', ''))
    .filter((one) => !set.includes(one))
    .map((one) => `${label} is never ${one}`);
}
