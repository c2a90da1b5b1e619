import type { Exemplar, Series } from './drawing.ts';

interface Vector {
  readonly resultType: 'vector';
  readonly result: readonly { metric: Record<string, string>; value: [number, string] }[];
}
interface Matrix {
  readonly resultType: 'matrix';
  readonly result: readonly Series[];
}
interface Scalar {
  readonly resultType: 'scalar';
  readonly result: [number, string];
}

/** The few calls of Prometheus' HTTP API that a dashboard needs. Throws what Prometheus says. */
export class Prometheus {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/$/, '');
  }

  /** The value of an expression at one moment. */
  async query(query: string, atMs: number): Promise<readonly Series[]> {
    const data = await this.#ask<Vector | Matrix | Scalar>('query', { query, ...at('time', atMs) });
    if (data.resultType === 'matrix') return data.result;
    if (data.resultType === 'scalar') return [{ metric: {}, values: [data.result] }];
    return data.result.map(({ metric, value }) => ({ metric, values: [value] }));
  }

  /** The values of an expression over a time, one every step. */
  async queryRange(query: string, fromMs: number, toMs: number, stepMs: number) {
    // Grafana's own alignment: the same picture whenever it is asked for.
    const start = at('start', Math.floor(fromMs / stepMs) * stepMs);
    const end = at('end', Math.floor(toMs / stepMs) * stepMs);
    const step = String(stepMs / 1000);
    return (await this.#ask<Matrix>('query_range', { query, ...start, ...end, step })).result;
  }

  /** The exemplars of the series an expression reads. */
  async exemplars(query: string, fromMs: number, toMs: number): Promise<readonly Exemplar[]> {
    const form = { query, ...at('start', fromMs), ...at('end', toMs) };
    const found = await this.#ask<{ exemplars: Exemplar[] }[]>('query_exemplars', form);
    return found.flatMap((series) => series.exemplars);
  }

  /** The values of a label, of all series or of those a selector matches. */
  async labelValues(label: string, selector: string | undefined): Promise<readonly string[]> {
    const query = selector === undefined ? '' : `?${new URLSearchParams({ 'match[]': selector })}`;
    return this.#ask<string[]>(`label/${label}/values${query}`);
  }

  async #ask<Data>(path: string, form?: Record<string, string>): Promise<Data> {
    const response = await fetch(`${this.#url}/api/v1/${path}`, {
      signal: AbortSignal.timeout(60_000),
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    const answer: { status: string; error?: string; data: Data } = await response.json();
    if (answer.status !== 'success') throw new Error(answer.error ?? response.statusText);
    return answer.data;
  }
}

function at(name: string, ms: number) {
  return { [name]: String(ms / 1000) };
}
