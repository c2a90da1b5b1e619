import type { HttpMetricsScope } from '#telemetry/http-metrics.ts';

/** The scope of a request without a session, not sampled, with what matters to a test changed. */
export function requestScope(changes: Partial<HttpMetricsScope> = {}): HttpMetricsScope {
  return {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    isSampled: false,
    hasSession: false,
    database: { operations: 0, queryMs: 0, waitMs: 0 },
    ...changes,
  };
}
