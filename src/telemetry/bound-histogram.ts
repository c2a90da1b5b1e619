import type { Histogram } from 'prom-client';

/** The work in which a value was measured. */
export interface ExemplarScope {
  readonly traceId: string;
  readonly spanId?: string;
  /** Its trace is recorded, so that it leads somewhere. */
  readonly isSampled?: boolean;
}

/** One set of labels of a histogram. */
export interface HistogramChild {
  /** Counts a value, at no cost but a few additions; of a recorded trace it is the exemplar of its bucket as well. */
  observe(value: number, scope?: ExemplarScope): void;
}

/** What prom-client 15 keeps of one set of labels. */
interface Kept {
  readonly labels: object;
  /** By upper bound; what is above the last one is in `count` alone. */
  readonly bucketValues: Record<string, number>;
  readonly bucketExemplars: Record<string, Exemplar>;
  sum: number;
  count: number;
}

interface Exemplar {
  readonly labelSet: { readonly trace_id: string; readonly span_id?: string };
  readonly value: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

/** Where prom-client keeps the exemplar of what is above the last bound. */
const ABOVE = '-1';

/**
 * Binds labels for good, at 0 from now on; call it once for each set of them. Writes where prom-client keeps its values:
 * its own children build objects and a text for every value, and take no exemplar.
 */
export function bindHistogram<L extends string>(
  histogram: Histogram<L>,
  labels: Record<L, string>,
  bounds: readonly number[],
): HistogramChild {
  histogram.zero(labels);
  const kept = keptOf(histogram, labels);
  const keys = bounds.map(String);
  return {
    observe(value, scope) {
      let at = 0;
      while (at < bounds.length && value > (bounds[at] ?? Infinity)) {
        at += 1;
      }
      const key = keys[at];
      if (key !== undefined) {
        kept.bucketValues[key] = (kept.bucketValues[key] ?? 0) + 1;
      }
      kept.sum += value;
      kept.count += 1;
      if (scope?.isSampled === true) {
        kept.bucketExemplars[key ?? ABOVE] = exemplarOf(value, scope);
      }
    },
  };
}

function exemplarOf(value: number, { traceId, spanId }: ExemplarScope): Exemplar {
  return {
    labelSet: { trace_id: traceId, ...(spanId !== undefined && { span_id: spanId }) },
    value,
    timestamp: Date.now() / 1000,
  };
}

/** adapter: prom-client does not show what it keeps; the test of this file notices when it is elsewhere. */
function keptOf(histogram: object, labels: object): Kept {
  const all: unknown = Reflect.get(histogram, 'hashMap');
  const found = Object.values(Object(all)).findLast(
    (kept): kept is Kept => isKept(kept) && kept.labels === labels,
  );
  if (found === undefined) {
    throw new Error('bug: prom-client keeps its values elsewhere');
  }
  return found;
}

function isKept(kept: unknown): kept is Kept {
  return (
    typeof kept === 'object' && kept !== null && 'bucketValues' in kept && 'bucketExemplars' in kept
  );
}
