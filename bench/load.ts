import autocannon from 'autocannon';
import type { Workload } from './workload.ts';

/** What the clients of one block saw. Milliseconds. */
export interface LoadResult {
  readonly seconds: number;
  /** In order of arrival. */
  readonly latencies: readonly number[];
}

/** Below the size of every pool: nobody waits for a connection, and the server is never idle. */
export const CONNECTIONS = 8;

/** Sends this many requests over connections kept alive. Throws unless every answer has the status of success. */
export async function load(url: string, workload: Workload, amount: number): Promise<LoadResult> {
  const latencies: number[] = [];
  const others = new Map<string, number>();
  const count = (name: string) => others.set(name, (others.get(name) ?? 0) + 1);
  const startedAt = performance.now();
  let endedAt = startedAt;

  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const options = {
    url,
    amount,
    connections: Math.min(CONNECTIONS, amount),
    headers: { 'content-type': 'application/json' },
    requests: [
      { setupRequest: (request: autocannon.Request) => ({ ...request, ...workload.next() }) },
    ],
    // It looks this often, in milliseconds, whether it is done.
    sampleInt: 20,
    skipAggregateResult: true,
  };
  const run = autocannon(options, (error: unknown) =>
    error === null || error === undefined ? resolve() : reject(error),
  );
  run.on('response', (_client, status, _bytes, ms) => {
    endedAt = performance.now();
    latencies.push(ms);
    if (status !== workload.status) count(String(status));
  });
  run.on('reqError', (error: unknown) => count(String(error)));
  await ended;

  if (others.size > 0 || latencies.length !== amount) {
    const seen = [...others].map(([name, times]) => `${times} × ${name}`).join(', ');
    throw new Error(`${workload.title}: ${latencies.length} of ${amount} answers; ${seen}`);
  }
  return { seconds: (endedAt - startedAt) / 1000, latencies };
}
