import { DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard';

/** Carried by every dashboard, so that they find each other. */
export const TAG = 'tidegauge';

/** The dashboards by their stable uid, which alerts and runbooks link to. */
export const UIDS = {
  overview: 'tidegauge-overview',
  pool: 'tidegauge-pool',
  queries: 'tidegauge-queries',
  postgresql: 'tidegauge-postgresql',
  node: 'tidegauge-node',
  slo: 'tidegauge-slo',
  'logs-traces': 'tidegauge-logs-traces',
} as const;
export type DashboardName = keyof typeof UIDS;

/** Links to all dashboards of the service, in the head of each; choices and time are kept. */
export function linkToAll(): DashboardLinkBuilder {
  return new DashboardLinkBuilder('Tidegauge')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .asDropdown(false)
    .includeVars(true)
    .keepTime(true);
}

/** Where to look next, from the corner of a panel. */
export function linkTo(name: DashboardName): DashboardLinkBuilder {
  return new DashboardLinkBuilder(`Look next: ${name}`)
    .type(DashboardLinkType.Link)
    .url(`/d/${UIDS[name]}?\${__url_time_range}&\${__all_variables}`);
}
