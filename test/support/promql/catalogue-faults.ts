import { METRICS } from '#telemetry/metric-catalogue.ts';
import type { MetricDefinition } from '#telemetry/metric-definition.ts';
import { groupingLabelsOf, selectorsOf } from './selectors.ts';
import type { Matcher, Selector } from './selectors.ts';

/** Labels of a series, with every value each may have, or in words where that is open. */
export type SeriesLabels = MetricDefinition['labels'];

/** What is known of a series: its labels, and whether it only grows. */
interface Series {
  readonly labels: SeriesLabels;
  readonly grows: boolean;
}

/** What Prometheus adds to every series that it scrapes. */
const SCRAPED = { job: 'names of jobs', instance: 'addresses' };
/** Functions that read a counter as what it is. */
const GROWTH = new Set(['rate', 'irate', 'increase']);

/** Every series that the service exposes, and `up`. */
const EXPOSED: ReadonlyMap<string, Series> = new Map<string, Series>([
  ['up', { labels: SCRAPED, grows: false }],
  ...Object.entries<MetricDefinition>(METRICS).flatMap(([name, definition]) =>
    seriesOf(name, definition),
  ),
]);

/**
 * What is wrong with an expression as measured by the catalogue: series, labels, values of closed labels and groupings
 * that there are not, counters that are not read by their growth, and growth of what does not only grow.
 * `others` are series that somebody else makes: recorded ones, `ALERTS`.
 */
export function catalogueFaults(
  expr: string,
  others: ReadonlyMap<string, SeriesLabels> = new Map(),
): readonly string[] {
  const known = (metric: string): Series | undefined => {
    const labels = others.get(metric);
    return labels === undefined ? EXPOSED.get(metric) : { labels, grows: false };
  };
  const selectors = selectorsOf(expr);
  const labels = new Set(
    selectors.flatMap(({ metric }) => Object.keys(known(metric)?.labels ?? {})),
  );
  return [
    ...selectors.flatMap((selector) => selectorFaults(selector, known(selector.metric))),
    ...groupingLabelsOf(expr)
      .filter((label) => !labels.has(label))
      .map((label) => `nothing has ${label} to group by`),
  ];
}

function selectorFaults(
  { metric, matchers, calledBy }: Selector,
  series: Series | undefined,
): readonly string[] {
  if (series === undefined) {
    return [`${metric} does not exist`];
  }
  const isGrowth = GROWTH.has(calledBy ?? '');
  return [
    ...(isGrowth === series.grows ? [] : [`${metric} is ${isGrowth ? 'no' : 'a'} counter`]),
    ...matchers.flatMap((matcher) => matcherFaults(metric, matcher, series.labels[matcher.label])),
  ];
}

function matcherFaults(
  metric: string,
  { label, operator, value }: Matcher,
  values: readonly string[] | string | undefined,
): readonly string[] {
  if (values === undefined) {
    return [`${metric} has no ${label}`];
  }
  if (typeof values === 'string') {
    return [];
  }
  return (operator.endsWith('~') ? value.split('|') : [value])
    .map((one) => one.replaceAll('\\', ''))
    .filter((one) => !values.includes(one))
    .map((one) => `${label} of ${metric} is never ${one}`);
}

function seriesOf(
  name: string,
  { type, labels, buckets = [] }: MetricDefinition,
): readonly (readonly [string, Series])[] {
  const own = { ...SCRAPED, ...labels };
  if (type !== 'histogram') {
    return [[name, { labels: own, grows: type === 'counter' }]];
  }
  const withBounds = { ...own, le: [...buckets.map(String), '+Inf'] };
  return [
    [`${name}_sum`, { labels: own, grows: true }],
    [`${name}_count`, { labels: own, grows: true }],
    [`${name}_bucket`, { labels: withBounds, grows: true }],
  ];
}
