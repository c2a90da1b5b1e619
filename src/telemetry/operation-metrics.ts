import type { DatabaseObserver } from '#database/database-observer.ts';
import type { HistogramChild } from './bound-histogram.ts';
import { bornAtZero } from './children.ts';
import type { Instruments } from './instruments.ts';
import { collectionNames, errorType, operationName, OTHER_COLLECTION } from './metric-labels.ts';
import { PerPool } from './per-pool.ts';
import type { SeriesBudget } from './series-budget.ts';

/** What the metrics of statements are told beforehand. */
export interface OperationMetricsOptions {
  /** Tables of the entities: the values `db_collection_name` may have. */
  readonly tables: readonly string[];
  /** Statements that take longer are counted as slow; 0 = none. */
  readonly slowQueryMs: number;
}

/**
 * What one combination of operation, table and class of error adds; beyond the budget, statements are counted as OTHER
 * on other, apart only by whether they failed.
 */
const SERIES_OF_OPERATIONS = 17;

/** Metrics of statements: how long they take, by what they do, and how many are slow. */
export function createOperationMetrics(
  instruments: Instruments,
  { tables, slowQueryMs }: OperationMetricsOptions,
) {
  const duration = instruments.histogram('db_client_operation_duration_seconds');
  const slowQueries = instruments.counter('db_client_slow_queries_total');
  const collectionName = collectionNames(tables);
  const pools = new PerPool((name) => {
    const pool = { db_client_connection_pool_name: name };
    return {
      slow: bornAtZero(slowQueries.labels(pool)),
      durations: new Combinations(instruments.budget, (operation, collection, error) =>
        duration({
          ...pool,
          db_operation_name: operation,
          db_collection_name: collection,
          error_type: error,
        }),
      ),
    };
  });
  return {
    observer: {
      queryEnded({ pool, scope, operation, collection, durationMs, code }) {
        const { slow, durations } = pools.of(pool);
        durations
          .of(operationName(operation), collectionName(collection), errorType(code))
          .observe(durationMs / 1000, scope);
        if (slowQueryMs > 0 && durationMs > slowQueryMs) {
          slow.inc();
        }
      },
    } satisfies DatabaseObserver,
    /** Makes the pools of these names known, so that their counters are there before the first statement. */
    collect(names: readonly string[]): void {
      for (const name of names) {
        pools.of(name);
      }
    },
  };
}

type Bind = (operation: string, collection: string, error: string) => HistogramChild;

/** The children of one pool, found without making a key of their labels. */
class Combinations {
  readonly #budget: SeriesBudget;
  readonly #bind: Bind;
  readonly #known = new Map<string, Map<string, Map<string, HistogramChild>>>();

  constructor(budget: SeriesBudget, bind: Bind) {
    this.#budget = budget;
    this.#bind = bind;
  }

  of(operation: string, collection: string, error: string): HistogramChild {
    return (
      this.#known.get(operation)?.get(collection)?.get(error) ??
      (this.#budget.take(SERIES_OF_OPERATIONS)
        ? this.#add(operation, collection, error)
        : this.#rest(error))
    );
  }

  /** Two at most: what succeeded and what failed. */
  #rest(error: string): HistogramChild {
    const kind = error === '' ? '' : 'other';
    return (
      this.#known.get('OTHER')?.get(OTHER_COLLECTION)?.get(kind) ??
      this.#add('OTHER', OTHER_COLLECTION, kind)
    );
  }

  #add(operation: string, collection: string, error: string): HistogramChild {
    const byCollection =
      this.#known.get(operation) ?? new Map<string, Map<string, HistogramChild>>();
    const byError = byCollection.get(collection) ?? new Map<string, HistogramChild>();
    const child = this.#bind(operation, collection, error);
    this.#known.set(operation, byCollection.set(collection, byError.set(error, child)));
    return child;
  }
}
