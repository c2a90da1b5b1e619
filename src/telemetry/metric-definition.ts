/** One metric, as docs/metrics.md lists it. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Of one sample; the name ends with it where it is a unit of measure. */
  readonly unit: string;
  /** One sentence without quotes or line breaks: it is the HELP line of both formats. */
  readonly help: string;
  /** Every value a label may have, or in words where a closed set of values comes from. */
  readonly labels: Readonly<Record<string, readonly string[] | string>>;
  /** Upper bounds of a histogram, ascending, in `unit`. */
  readonly buckets?: readonly number[];
}
