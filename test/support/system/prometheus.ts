/** One series of an answer, with its samples as numbers. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}

interface QueryData {
  readonly resultType: string;
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly values: readonly (readonly [number, string])[];
  }[];
}

interface StoredExemplars {
  readonly exemplars: readonly { readonly labels: { readonly trace_id: string } }[];
}

const STEP_S = 1;

/** Asks a Prometheus. */
export class Prometheus {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /**
   * Evaluates an expression at every second of a time.
   *
   * @throws Error when it is not valid
   */
  async range(query: string, { from, to }: { from: number; to: number }): Promise<Series[]> {
    const { result } = await this.#ask<QueryData>('query_range', {
      query,
      start: (from / 1000).toFixed(3),
      end: (to / 1000).toFixed(3),
      step: String(STEP_S),
    });
    return result.map(({ metric, values }) => ({
      metric,
      values: values.map(([, value]) => Number(value)),
    }));
  }

  /** Trace ids of the exemplars that were kept for a metric. */
  async exemplars(query: string, { from, to }: { from: number; to: number }): Promise<string[]> {
    const found = await this.#ask<readonly StoredExemplars[]>('query_exemplars', {
      query,
      start: (from / 1000).toFixed(3),
      end: (to / 1000).toFixed(3),
    });
    return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
  }

  async #ask<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const response = await fetch(
      `${this.url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`,
    );
    const answer = (await response.json()) as Answer<T>; // adapter: Prometheus's HTTP API
    if (answer.status !== 'success') {
      throw new Error(`prometheus: ${answer.error}`);
    }
    return answer.data;
  }
}
