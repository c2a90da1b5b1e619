import { METRICS } from '#telemetry/metric-catalogue.ts';
import type { MetricName } from '#telemetry/metric-catalogue.ts';

const POOL = 'db_client_connection_pool_name';

type Catalogue = typeof METRICS;
type NameOf<T extends Catalogue[MetricName]['type']> = {
  [N in MetricName]: Catalogue[N]['type'] extends T ? N : never;
}[MetricName];

/** Metrics of the catalogue by type: who renames one there gets a type error here. */
export type Histogram = NameOf<'histogram'>;
export type Gauge = NameOf<'gauge'>;
/** What only grows: counters, and the three series of a histogram. */
export type Counter = NameOf<'counter'> | `${Histogram}_${'bucket' | 'sum' | 'count'}`;

type MetricOf<S extends Gauge | Counter> = S extends MetricName
  ? S
  : S extends `${infer H extends Histogram}_${'bucket' | 'sum' | 'count'}`
    ? H
    : never;
type Closed<S extends Gauge | Counter> = Catalogue[MetricOf<S>]['labels'];

/** Labels of a series: its own, `le` of a bucket, and those that Prometheus adds. */
export type LabelOf<S extends Gauge | Counter> =
  | (keyof Closed<S> & string)
  | (S extends `${string}_bucket` ? 'le' : never)
  | 'job'
  | 'instance';

type ValueOf<V> = V extends readonly (infer T extends string)[] ? T : string;
type Match<T extends string> = T | readonly T[] | { readonly not: readonly T[] };

/** What to select of a series: one value, any of several, none of them; a regular expression where the set is open. */
export type Matchers<S extends Gauge | Counter> = {
  readonly [L in keyof Closed<S>]?: Closed<S>[L] extends readonly string[]
    ? Match<ValueOf<Closed<S>[L]>>
    : Match<string> | { readonly like: string };
} & (S extends `${string}_bucket` ? { readonly le?: string } : unknown);

/** The selector of a series, held to the variables of the dashboard: job, instance and, where there is one, pool. */
export function select<S extends Gauge | Counter>(series: S, matchers?: Matchers<S>): string {
  const chosen = Object.entries(matchers ?? {}).map(([label, match]) => matcher(label, match));
  const pool = hasPool(series) ? [`${POOL}=~"$pool"`] : [];
  return `${series}{${['job=~"$job"', 'instance=~"$instance"', ...pool, ...chosen].join(', ')}}`;
}

/** Whether it is about one pool; the series of a histogram have its labels. */
function hasPool(series: string): boolean {
  const known: Readonly<Record<string, { readonly labels: object }>> = METRICS;
  const metric = known[series] ?? known[series.replace(/_(?:bucket|sum|count)$/, '')];
  return metric !== undefined && POOL in metric.labels;
}

function matcher(label: string, match: unknown): string {
  if (typeof match === 'string') {
    return `${label}="${match}"`;
  }
  if (Array.isArray(match)) {
    return `${label}=~"${match.join('|')}"`;
  }
  if (typeof match === 'object' && match !== null) {
    if ('like' in match) {
      return `${label}=~"${String(match.like)}"`;
    }
    if ('not' in match && Array.isArray(match.not)) {
      return `${label}!~"${match.not.join('|')}"`;
    }
  }
  throw new Error(`bug: ${label} is matched with nothing`);
}
