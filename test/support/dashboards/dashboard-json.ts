import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** What the checks read of a dashboard's file. */
export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly editable: boolean;
  readonly graphTooltip: number;
  readonly tags: readonly string[];
  readonly links: readonly {
    readonly type: string;
    readonly tags: readonly string[];
    readonly url?: string;
  }[];
  readonly templating: { readonly list: readonly VariableJson[] };
  readonly annotations: { readonly list: readonly AnnotationJson[] };
  readonly panels: readonly PanelJson[];
}

export interface SourceJson {
  readonly type?: string;
  readonly uid?: string;
}

export interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  readonly query: string;
  readonly datasource?: SourceJson;
  readonly multi?: boolean;
  readonly allValue?: string;
  readonly refresh?: number;
}

export interface AnnotationJson {
  readonly name: string;
  readonly expr: string;
  readonly datasource?: SourceJson;
}

export interface TargetJson {
  readonly refId: string;
  readonly datasource?: SourceJson;
  readonly expr?: string;
  readonly query?: string;
  readonly instant?: boolean;
  readonly exemplar?: boolean;
}

export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: SourceJson;
  readonly targets?: readonly TargetJson[];
  readonly links?: readonly { readonly url: string }[];
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null }[] };
    };
  };
  readonly options?: {
    readonly legend?: { readonly showLegend?: boolean; readonly show?: boolean };
    readonly reduceOptions?: { readonly calcs?: readonly string[] };
  };
}

/** The committed dashboards, by the name of their file without its ending. */
export function readDashboards(): ReadonlyMap<string, DashboardJson> {
  const files = globSync('grafana/dashboards/*.json').toSorted();
  return new Map(
    files.map((file) => [
      basename(file, '.json'),
      JSON.parse(readFileSync(file, 'utf8')) as DashboardJson,
    ]),
  );
}

/** What is shown, without the titles of rows. */
export function panelsOf(dashboard: DashboardJson): readonly PanelJson[] {
  return dashboard.panels.filter(({ type }) => type !== 'row');
}

/** The panels that hold figures of a data source. */
export function figuresOf(dashboard: DashboardJson): readonly PanelJson[] {
  return panelsOf(dashboard).filter(({ type }) => type !== 'text');
}
