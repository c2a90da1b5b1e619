import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { DashboardName } from './links.ts';
import { logsTracesDashboard } from './logs-traces-dashboard.ts';
import { nodeDashboard } from './node-dashboard.ts';
import { overviewDashboard } from './overview-dashboard.ts';
import { poolDashboard } from './pool-dashboard.ts';
import { postgresqlDashboard } from './postgresql-dashboard.ts';
import { queriesDashboard } from './queries-dashboard.ts';
import { sloDashboard } from './slo-dashboard.ts';

const ALL: Readonly<Record<DashboardName, () => Dashboard>> = {
  overview: overviewDashboard,
  pool: poolDashboard,
  queries: queriesDashboard,
  postgresql: postgresqlDashboard,
  node: nodeDashboard,
  slo: sloDashboard,
  'logs-traces': logsTracesDashboard,
};

/** Every dashboard as the text of the file that Grafana reads, by the name of that file. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(ALL).map(([name, build]) => [
      `${name}.json`,
      `${JSON.stringify(build(), undefined, 2)}\n`,
    ]),
  );
}
