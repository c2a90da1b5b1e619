import type { Instruments } from './instruments.ts';
import { HTTP_METHODS, OTHER_METHOD, UNMATCHED_ROUTE } from './metric-labels.ts';

/** What the listener tells of its requests. Milliseconds. */
export interface HttpMetricsObserver {
  requestStarted(event: { readonly method: string }): void;
  requestEnded(event: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly durationMs: number;
  }): void;
}

/**
 * 14 series each, of the 5,000 that all metrics may have with three pools: what comes beyond this many
 * combinations of method, route and status is counted as `_OTHER` and `unmatched`.
 */
const MAX_COMBINATIONS = 250;

const METHODS: ReadonlySet<string> = new Set(HTTP_METHODS);
const METHOD_NOT_ALLOWED = 405;

/** Metrics of the listener. A route that is not among `routes` is `unmatched`, whatever is sent. */
export function createHttpMetrics(
  instruments: Instruments,
  routes: readonly string[],
): { readonly observer: HttpMetricsObserver; collect(): void } {
  const duration = instruments.histogram('http_server_request_duration_seconds');
  const activeGauge = instruments.gauge('http_server_active_requests');
  const templates: ReadonlySet<string> = new Set(routes);
  const active = new Map<string, number>([...HTTP_METHODS, OTHER_METHOD].map((name) => [name, 0]));
  const children = new Map<string, ReturnType<typeof duration.labels>>();

  const bind = (key: string, method: string, route: string, status: number) => {
    const child = duration.labels({
      http_request_method: method,
      http_route: route,
      http_response_status_code: String(status),
    });
    children.set(key, child);
    return child;
  };

  const childOf = (method: string, route: string, status: number) => {
    const key = `${method} ${status} ${route}`;
    const known = children.get(key);
    if (known !== undefined || children.size < MAX_COMBINATIONS) {
      return known ?? bind(key, method, route, status);
    }
    const rest = `${OTHER_METHOD} ${status} ${UNMATCHED_ROUTE}`;
    return children.get(rest) ?? bind(rest, OTHER_METHOD, UNMATCHED_ROUTE, status);
  };

  const change = (method: string, by: number) => {
    const name = METHODS.has(method) ? method : OTHER_METHOD;
    active.set(name, (active.get(name) ?? 0) + by);
  };

  return {
    observer: {
      requestStarted: ({ method }) => change(method, 1),
      requestEnded({ method, route, status, durationMs }) {
        change(method, -1);
        // Every method could be tried on every route: those a route does not have are one.
        const isUsual = METHODS.has(method) && status !== METHOD_NOT_ALLOWED;
        childOf(
          isUsual ? method : OTHER_METHOD,
          templates.has(route) ? route : UNMATCHED_ROUTE,
          status,
        ).observe(durationMs / 1000);
      },
    },
    collect() {
      for (const [method, count] of active) {
        activeGauge.set({ http_request_method: method }, count);
      }
    },
  };
}
