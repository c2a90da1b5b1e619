import type { HistogramChild } from './bound-histogram.ts';
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
    readonly scope: HttpMetricsScope;
  }): void;
}

/** The request's scope, as far as metrics know it. */
export interface HttpMetricsScope {
  readonly traceId: string;
  readonly spanId?: string;
  readonly isSampled?: boolean;
  /** A session was opened for it, so that `database` is its share. */
  readonly hasSession: boolean;
  readonly database: {
    readonly operations: number;
    readonly queryMs: number;
    readonly waitMs: number;
  };
}

/** What one combination of method, route and status adds; beyond the budget, it is counted as `_OTHER` and `unmatched`. */
const SERIES_OF_REQUESTS = 14;

/** What one route with sessions adds; beyond the budget, what the database took is counted as `unmatched`. */
const SERIES_OF_SHARES = 38;

const METHODS: ReadonlySet<string> = new Set(HTTP_METHODS);
const METHOD_NOT_ALLOWED = 405;

/** Everything bound of one route: found by what a request is, not by a text made of it. */
interface RouteChildren {
  readonly route: string;
  readonly byMethod: Map<string, Map<number, HistogramChild>>;
  /** From the first request with a session on. */
  database?: DatabaseChildren;
}

interface DatabaseChildren {
  readonly operations: HistogramChild;
  readonly wait: HistogramChild;
  readonly query: HistogramChild;
}

/** Metrics of the listener. A route that is not among `routes` is `unmatched`, whatever is sent. */
export function createHttpMetrics(
  instruments: Instruments,
  routes: readonly string[],
): { readonly observer: HttpMetricsObserver; collect(): void } {
  const { budget } = instruments;
  const duration = instruments.histogram('http_server_request_duration_seconds');
  const operations = instruments.histogram('http_server_request_db_operations');
  const seconds = instruments.histogram('http_server_request_db_seconds');
  const activeGauge = instruments.gauge('http_server_active_requests');
  const active = new Map<string, number>([...HTTP_METHODS, OTHER_METHOD].map((name) => [name, 0]));
  const unmatched: RouteChildren = { route: UNMATCHED_ROUTE, byMethod: new Map() };
  const known = new Map<string, RouteChildren>(
    routes.map((route) => [route, { route, byMethod: new Map() }]),
  );

  const bind = (children: RouteChildren, method: string, status: number) => {
    const child = duration({
      http_request_method: method,
      http_route: children.route,
      http_response_status_code: String(status),
    });
    const byStatus = children.byMethod.get(method) ?? new Map<number, HistogramChild>();
    children.byMethod.set(method, byStatus.set(status, child));
    return child;
  };

  const durationOf = (children: RouteChildren, method: string, status: number) =>
    children.byMethod.get(method)?.get(status) ??
    (budget.take(SERIES_OF_REQUESTS)
      ? bind(children, method, status)
      : (unmatched.byMethod.get(OTHER_METHOD)?.get(status) ??
        bind(unmatched, OTHER_METHOD, status)));

  const databaseOf = (children: RouteChildren): DatabaseChildren => {
    if (children.database !== undefined) {
      return children.database;
    }
    if (children !== unmatched && !budget.take(SERIES_OF_SHARES)) {
      return databaseOf(unmatched);
    }
    const route = { http_route: children.route };
    children.database = {
      operations: operations(route),
      wait: seconds({ ...route, phase: 'wait' }),
      query: seconds({ ...route, phase: 'query' }),
    };
    return children.database;
  };

  const change = (method: string, by: number) => {
    const name = METHODS.has(method) ? method : OTHER_METHOD;
    active.set(name, (active.get(name) ?? 0) + by);
  };

  return {
    observer: {
      requestStarted: ({ method }) => change(method, 1),
      requestEnded({ method, route, status, durationMs, scope }) {
        change(method, -1);
        const children = known.get(route) ?? unmatched;
        // Every method could be tried on every route: those a route does not have are one.
        const isUsual = METHODS.has(method) && status !== METHOD_NOT_ALLOWED;
        durationOf(children, isUsual ? method : OTHER_METHOD, status).observe(
          durationMs / 1000,
          scope,
        );
        if (scope.hasSession) {
          const database = databaseOf(children);
          database.operations.observe(scope.database.operations, scope);
          database.wait.observe(scope.database.waitMs / 1000, scope);
          database.query.observe(scope.database.queryMs / 1000, scope);
        }
      },
    },
    collect() {
      for (const [method, count] of active) {
        activeGauge.set({ http_request_method: method }, count);
      }
    },
  };
}
