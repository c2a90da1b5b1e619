import type { DatabaseSessionManager } from '#database/session-manager.ts';
import { createMetrics, type Metrics } from '#telemetry/metrics.ts';

/** The metrics of a test's own session manager, as the service makes them. Close them. */
export function metricsOf(sessions: DatabaseSessionManager): Metrics {
  return createMetrics({
    version: '1',
    commit: '1',
    routes: [],
    tables: ['users', 'teams', 'memberships'],
    slowQueryMs: 200,
    poolStats: () => [sessions.stats()],
    serverFigures: () => Promise.resolve(undefined),
    hostFigures: () => Promise.resolve(undefined),
    readiness: () => ({ state: 'up' }),
    postgresVersion: () => undefined,
  });
}
