import { infoRoute } from './info-route.ts';
import type { InfoReport } from './info-route.ts';
import { logLevelRoutes } from './loglevel-routes.ts';
import type { LeveledLog } from './loglevel-routes.ts';
import { guarded } from './management-access.ts';
import type { ManagementAccess } from './management-access.ts';
import type { MetricsSource } from './metrics-route.ts';
import { metricsRoute } from './metrics-route.ts';
import type { PoolSource } from './pool-routes.ts';
import { poolRoutes } from './pool-routes.ts';
import type { JsonReader } from './read-json.ts';
import type { ServiceRoute } from './service-route.ts';
import { statementsRoute } from './statements-route.ts';
import type { StatementsSource } from './statements-route.ts';

/** What management looks at. */
export interface ManagementSources {
  readonly metrics: MetricsSource;
  readonly pool: PoolSource;
  readonly topStatements: StatementsSource;
  readonly about: () => InfoReport;
  readonly log: LeveledLog;
}

/** What moves to the management listener when there is one. Metrics are counts, and open to all who reach them. */
export function managementRoutes(
  { metrics, pool, topStatements, about, log }: ManagementSources,
  hasAccess: ManagementAccess,
  readJson: JsonReader,
): ServiceRoute[] {
  return [
    metricsRoute(metrics),
    ...poolRoutes(pool),
    statementsRoute(topStatements),
    infoRoute(about),
    ...logLevelRoutes(log, readJson),
  ].map((route) => (route.isGuarded === true ? guarded(route, hasAccess) : route));
}
