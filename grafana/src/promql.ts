import { select } from './series.ts';
import type { Counter, Gauge, Histogram, LabelOf, Matchers } from './series.ts';

/** A PromQL expression and, as a type, the labels its series have. */
export class Promql<L extends string = string> {
  declare readonly labels?: L;
  readonly text: string;
  /** Whether it must be put in parentheses to be an operand. */
  readonly #isOperation: boolean;

  constructor(text: string, isOperation = false) {
    this.text = text;
    this.#isOperation = isOperation;
  }

  /** One series for each combination of the labels; a single one without any. */
  sum<B extends L = never>(...by: readonly B[]): Promql<B> {
    return this.#aggregated('sum', by);
  }

  max<B extends L = never>(...by: readonly B[]): Promql<B> {
    return this.#aggregated('max', by);
  }

  min<B extends L = never>(...by: readonly B[]): Promql<B> {
    return this.#aggregated('min', by);
  }

  count<B extends L = never>(...by: readonly B[]): Promql<B> {
    return this.#aggregated('count', by);
  }

  /** The largest ten, without those that are NaN: quantiles of what did not happen. */
  top(): Promql<L> {
    return new Promql(`topk(10, ${this.#operand} >= 0)`);
  }

  /** Only the series of which `other` is above 0. */
  whereSome(other: Promql<L>): Promql<L> {
    return new Promql(`${this.#operand} and ${other.#operand} > 0`, true);
  }

  /** The share of `total`; no sample, instead of NaN, where that is 0. */
  over(total: Promql<L>): Promql<L> {
    return new Promql(`${this.#operand} / (${total.text} > 0)`, true);
  }

  /** The same, and 0 where `total` has series and this has none yet. */
  or0Of(total: Promql<L>): Promql<L> {
    return this.or(new Promql(`0 * ${total.#operand}`, true));
  }

  or(other: Promql<L>): Promql<L> {
    return new Promql(`${this.#operand} or ${other.text}`, true);
  }

  plus(other: Promql<L>): Promql<L> {
    return this.#with('+', other.#operand);
  }

  minus(other: Promql<L>): Promql<L> {
    return this.#with('-', other.#operand);
  }

  times(factor: number): Promql<L> {
    return this.#with('*', String(factor));
  }

  dividedBy(divisor: number): Promql<L> {
    return this.#with('/', String(divisor));
  }

  /** What is missing to one: an availability of an error ratio. */
  complement(): Promql<L> {
    return new Promql(`1 - ${this.#operand}`, true);
  }

  #aggregated<B extends string>(operator: string, by: readonly B[]): Promql<B> {
    const grouping = by.length === 0 ? '' : ` by (${by.join(', ')}) `;
    return new Promql(`${operator}${grouping}(${this.text})`);
  }

  #with(operator: string, operand: string): Promql<L> {
    return new Promql(`${this.#operand} ${operator} ${operand}`, true);
  }

  get #operand(): string {
    return this.#isOperation ? `(${this.text})` : this.text;
  }
}

/** A gauge as it is. */
export function gauge<G extends Gauge>(series: G, matchers?: Matchers<G>): Promql<LabelOf<G>> {
  return new Promql(select(series, matchers));
}

/** Growth per second: of a counter, or of one of a histogram's three series. */
export function rate<C extends Counter>(series: C, matchers?: Matchers<C>): Promql<LabelOf<C>> {
  return new Promql(`rate(${select(series, matchers)}[$__rate_interval])`);
}

/** Growth per minute, for what should not happen every second: whatever the picture's scale, the figure means the same. */
export function perMinute<C extends Counter>(
  series: C,
  matchers?: Matchers<C>,
): Promql<LabelOf<C>> {
  return rate(series, matchers).times(60);
}

/** How often it was counted in the time the picture shows. */
export function increase<C extends Counter>(series: C): Promql<LabelOf<C>> {
  return new Promql(`increase(${select(series)}[$__range])`);
}

/** How often a gauge changed in the time the picture shows. */
export function changes<G extends Gauge>(series: G): Promql<LabelOf<G>> {
  return new Promql(`changes(${select(series)}[$__range])`);
}

type BucketLabel<H extends Histogram> = LabelOf<`${H}_bucket`>;

/** The value that this part of the observations stays below, for each combination of the labels. */
export function quantile<H extends Histogram, B extends BucketLabel<H> = never>(
  q: number,
  histogram: H,
  ...by: readonly B[]
): Promql<B> {
  return quantileOf(
    q,
    new Promql<B | 'le'>(`rate(${select<`${H}_bucket`>(`${histogram}_bucket`)}[$__rate_interval])`),
    ...by,
  );
}

/** The same, of chosen buckets. */
export function quantileOf<L extends string, B extends L = never>(
  q: number,
  buckets: Promql<L | 'le'>,
  ...by: readonly B[]
): Promql<B> {
  return new Promql(`histogram_quantile(${q}, ${buckets.sum<B | 'le'>('le', ...by).text})`);
}

/** Whether Prometheus can scrape the instances: 1 or 0. */
export function up(): Promql<'job' | 'instance'> {
  return new Promql('up{job=~"$job", instance=~"$instance"}');
}

/** A figure that is decided, not measured. */
export function constant(value: number): Promql<never> {
  return new Promql(`vector(${value})`);
}
