import { figuresOf } from './dashboard-json.ts';
import type { DashboardJson } from './dashboard-json.ts';
import { ANY_VALUES, expandVariables } from './expand-variables.ts';
import type { VariableValues } from './expand-variables.ts';

/** One question that a dashboard asks a data source. */
export interface DashboardTarget {
  readonly dashboard: string;
  readonly panelId: number;
  readonly panel: string;
  readonly refId: string;
  readonly source: 'prometheus' | 'loki' | 'tempo';
  /** As it is written, with variables. */
  readonly written: string;
  /** As Grafana sends it. */
  readonly expr: string;
  readonly isInstant: boolean;
}

/** Every question of every panel, with its variables expanded: what a renderer and a system test ask. */
export function dashboardTargets(
  dashboards: ReadonlyMap<string, DashboardJson>,
  values: VariableValues = ANY_VALUES,
): readonly DashboardTarget[] {
  return [...dashboards].flatMap(([name, dashboard]) => targetsOf(name, dashboard, values));
}

/** Those of one dashboard. */
export function targetsOf(
  name: string,
  dashboard: DashboardJson,
  values: VariableValues = ANY_VALUES,
): readonly DashboardTarget[] {
  return figuresOf(dashboard).flatMap((panel) =>
    (panel.targets ?? []).map((target) => {
      const written = target.expr ?? target.query ?? '';
      return {
        dashboard: name,
        panelId: panel.id,
        panel: panel.title,
        refId: target.refId,
        source: sourceOf(target.datasource?.type),
        written,
        expr: expandVariables(written, values),
        isInstant: target.instant === true,
      };
    }),
  );
}

function sourceOf(type: string | undefined): DashboardTarget['source'] {
  if (type === 'prometheus' || type === 'loki' || type === 'tempo') {
    return type;
  }
  throw new Error(`a target asks ${String(type)}, which is no data source of ours`);
}
