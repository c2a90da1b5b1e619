import type { ServiceOutput } from './service-output.ts';

const DEADLINE_MS = 2000;

/** What a service tells whoever watches it: both formats of the metrics, who holds connections. */
const WATCHED = [
  { source: 'metrics', path: '/metrics', accept: 'text/plain' },
  { source: 'metrics', path: '/metrics', accept: 'application/openmetrics-text' },
  { source: 'pool', path: '/pool', accept: 'application/json' },
] as const;

/** Keeps what a service answers its watchers now. One that has been closed, or cannot answer any more, is left alone. */
export async function keepTelemetry(
  managementUrl: string,
  output: ServiceOutput,
  token: string | undefined,
): Promise<void> {
  await Promise.allSettled(
    WATCHED.map(async ({ source, path, accept }) => {
      const response = await fetch(new URL(path, managementUrl), {
        signal: AbortSignal.timeout(DEADLINE_MS),
        headers: {
          accept,
          // The service is closed next: it need not wait for a connection that is kept alive.
          connection: 'close',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
      });
      output.write(source, await response.text());
    }),
  );
}
