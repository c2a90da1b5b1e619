import type {
  DataTransformerConfig,
  FieldConfigSource,
  ReduceDataOptions,
  VizOrientation,
} from '@grafana/data';
import type {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  Panel as AnyPanel,
  RowPanel as AnyRow,
  TableCellHeight,
  VizLegendOptions,
  VizTextDisplayOptions,
} from '@grafana/schema';
import type {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  TableSortByFieldState,
} from '@grafana/ui';

/** The options of all visualisations that are drawn: Grafana's schema leaves them open. */
interface PanelOptions {
  readonly legend?: Partial<VizLegendOptions>;
  readonly reduceOptions?: Partial<ReduceDataOptions>;
  readonly orientation?: VizOrientation;
  readonly text?: VizTextDisplayOptions;
  readonly graphMode?: BigValueGraphMode;
  readonly colorMode?: BigValueColorMode;
  readonly justifyMode?: BigValueJustifyMode;
  readonly textMode?: BigValueTextMode;
  readonly displayMode?: BarGaugeDisplayMode;
  readonly valueMode?: BarGaugeValueMode;
  readonly namePlacement?: BarGaugeNamePlacement;
  readonly showUnfilled?: boolean;
  readonly maxVizHeight?: number;
  readonly showHeader?: boolean;
  readonly cellHeight?: TableCellHeight;
  readonly sortBy?: TableSortByFieldState[];
  readonly content?: string;
  readonly calculate?: boolean;
  readonly yAxis?: { readonly unit?: string };
}

/** A query: of a Prometheus target what decides what is asked, of any other its source. */
export interface Target {
  readonly refId?: string;
  readonly expr?: string;
  readonly hide?: boolean;
  readonly instant?: boolean;
  readonly range?: boolean;
  readonly exemplar?: boolean;
  readonly format?: string;
  readonly interval?: string;
  readonly legendFormat?: string;
  readonly datasource?: { readonly type?: string };
}

/** A variable; `hide: 2` shows nothing of it. */
export interface VariableModel {
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  readonly hide?: number;
  readonly includeAll?: boolean;
  readonly allValue?: string;
  readonly query?: string | { readonly query?: string };
  readonly current?: { readonly value?: string | readonly string[] };
}

export type Panel = Omit<AnyPanel, 'fieldConfig' | 'options' | 'targets' | 'transformations'> & {
  readonly fieldConfig?: Partial<FieldConfigSource>;
  readonly options?: PanelOptions;
  readonly targets?: readonly Target[];
  readonly transformations?: DataTransformerConfig[];
};

export type Row = Omit<AnyRow, 'panels'> & { readonly panels: Panel[] };

/** The parts of a dashboard's JSON that are drawn. */
export interface Dashboard {
  readonly title?: string;
  readonly panels?: readonly (Panel | Row)[];
  readonly templating?: { readonly list?: readonly VariableModel[] };
}

/** Tells a row's heading from a panel. */
export function isRow(panel: Panel | Row): panel is Row {
  return panel.type === 'row';
}
