import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  SpecialValueMatch,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type {
  DashboardLink,
  Panel,
  ThresholdsConfig,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import { PanelBuilder as HeatmapPanel } from '@grafana/grafana-foundation-sdk/heatmap';
import { PanelBuilder as LogsPanel } from '@grafana/grafana-foundation-sdk/logs';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TextPanel, TextMode } from '@grafana/grafana-foundation-sdk/text';
import { PanelBuilder as TimeseriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Colours } from './colours.ts';
import { source } from './data-sources.ts';
import type { SourceType } from './data-sources.ts';
import { isBadWhenLow, linesOf, NO_LIMITS, thresholds } from './limits.ts';
import type { Limits } from './limits.ts';
import { linkTo } from './links.ts';
import type { DashboardName } from './links.ts';
import type { Target } from './targets.ts';

/** What every panel says of itself. */
export interface About {
  /** Kept for ever, since links lead to it: a new panel takes a number that its dashboard has not used. */
  readonly id: number;
  readonly title: string;
  /** What the picture shows. */
  readonly shows: string;
  /** What is bad. */
  readonly bad: string;
  /** Where to look next, and the dashboard for it. */
  readonly next: string;
  readonly to?: DashboardName;
  /** Columns of 24; the panels of one line fill it. */
  readonly width: number;
}

/** A panel with figures in it. */
export interface Figures extends About {
  /** As Grafana names units: `s`, `percentunit`, `reqps`. */
  readonly unit: string;
  readonly limits?: Limits;
  readonly targets: readonly Target[];
  /** What stands in the place of figures that are not there. */
  readonly empty?: string;
}

/** Curves over time. */
interface Curves extends Figures {
  readonly height?: number;
  /** Fixed colours of curves, by name; the others take them in order, which is that of their labels. */
  readonly colours?: Colours;
  /** The curve that bounds the others: dashed, and never stacked or filled. */
  readonly line?: string;
  /** How far the axis reaches at least, where its unit and limits do not tell. */
  readonly reach?: number;
}

/** How far an axis reaches at least, by its unit, so that nothing happening does not look like 0 to 100. */
const REACH: Readonly<Record<string, number>> = {
  short: 1,
  reqps: 1,
  ops: 1,
  cps: 1,
  s: 0.01,
  percentunit: 0.05,
  Bps: 1000,
};

const NO_FIGURES = 'no data yet';

/** In the place of what is a share of requests, while there are none. */
export const NO_TRAFFIC = 'no traffic yet';

/** In the place of a budget that is used more than twice, of which the exact figure says nothing. */
export const OVERDRAWN: ValueMapping = {
  type: MappingType.RangeToText,
  options: { from: null, to: -1, result: { text: 'overdrawn', color: 'red' } },
};

/** From this width on there is room for a table of the curves beside them. */
const WIDE = 12;

/** What the builders of all kinds of panels have in common. */
interface AnyPanel extends Builder<Panel> {
  id(id: number): AnyPanel;
  title(title: string): AnyPanel;
  description(description: string): AnyPanel;
  span(columns: number): AnyPanel;
  height(lines: number): AnyPanel;
  links(links: Builder<DashboardLink>[]): AnyPanel;
  targets(targets: Target[]): AnyPanel;
  datasource(source: DataSourceRef): AnyPanel;
  unit(unit: string): AnyPanel;
  thresholds(thresholds: Builder<ThresholdsConfig>): AnyPanel;
  noValue(text: string): AnyPanel;
}

/** One figure, large; without colour when there is none. */
export function stat(
  panel: Figures & {
    readonly limits: Limits;
    readonly text?: 'name';
    readonly mappings?: readonly ValueMapping[];
  },
): Builder<Panel> {
  const { empty = NO_FIGURES } = panel;
  const none: ValueMapping = {
    type: MappingType.SpecialValue,
    options: { match: SpecialValueMatch.NullAndNan, result: { text: empty, color: 'text' } },
  };
  return figures(new StatPanel(), panel, 4)
    .mappings([none, ...(panel.mappings ?? [])])
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .colorMode(panel.text === 'name' ? BigValueColorMode.None : BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .textMode(panel.text === 'name' ? BigValueTextMode.Name : BigValueTextMode.Auto);
}

/** Curves over time; limits are drawn as dashed lines. */
export function timeseries(panel: Curves): TimeseriesPanel {
  const { limits = NO_LIMITS, unit, colours = {}, line } = panel;
  const [lowest, highest] = [linesOf(limits).at(0), linesOf(limits).at(-1)];
  const reach = panel.reach ?? (unit === 'percentunit' ? highest : undefined) ?? REACH[unit];
  const isOne = isOneCurve(panel);
  const built = figures(new TimeseriesPanel(), panel, panel.height ?? 8)
    .lineWidth(1)
    .fillOpacity(isOne ? 8 : 0)
    .axisSoftMin(isBadWhenLow(limits) ? (lowest ?? 0) : 0)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    .thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(
        panel.limits === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed,
      ),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .legend(legend(isOne ? 'one' : panel.width >= WIDE ? 'beside' : 'below'));
  if (reach !== undefined) {
    built.axisSoftMax(isBadWhenLow(limits) ? 1 : reach);
  }
  for (const [name, fixedColor] of Object.entries(colours)) {
    built.overrideByName(name, [
      { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor } },
    ]);
  }
  return line === undefined
    ? built
    : built.overrideByName(line, [
        { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: 'text' } },
        { id: 'custom.stacking', value: { mode: StackingMode.None } },
        { id: 'custom.fillOpacity', value: 0 },
        { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
      ]);
}

/** Curves on top of each other, but for the one called `line`, which bounds them. */
export function stacked(panel: Curves): TimeseriesPanel {
  const built = timeseries(panel);
  return (panel.width >= WIDE ? built : built.legend(legend('names')))
    .fillOpacity(40)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
}

/** How often which duration, over time. */
export function heatmap(panel: Figures): Builder<Panel> {
  return figures(new HeatmapPanel(), panel, 8).calculate(false).showLegend();
}

/** Traces, one row each. */
export function traceTable(panel: Figures & { readonly height?: number }): Builder<Panel> {
  return figures(new TablePanel(), panel, panel.height ?? 8, 'tempo');
}

/** Curves made of log lines. */
export function logCurves(panel: Figures): Builder<Panel> {
  return stacked(panel).datasource(source('loki'));
}

/** Log lines; a line's details link to its trace. */
export function logLines(panel: About & { readonly targets: readonly Target[] }): Builder<Panel> {
  return figures(new LogsPanel(), { ...panel, unit: 'none' }, 12, 'loki')
    .showTime(true)
    .wrapLogMessage(true)
    .enableLogDetails(true);
}

/** Words, where there is nothing to measure yet. */
export function text(
  panel: About & { readonly content: string; readonly height?: number },
): Builder<Panel> {
  return described(new TextPanel(), panel, panel.height ?? 4)
    .mode(TextMode.Markdown)
    .content(panel.content);
}

/** Whether the panel never has more than one curve: one target whose legend names no label. */
function isOneCurve({ targets }: Figures): boolean {
  const [only, ...others] = targets.map((target) => target.build());
  return (
    others.length === 0 &&
    only !== undefined &&
    'legendFormat' in only &&
    !(only.legendFormat ?? '{{').includes('{{')
  );
}

const CALCS = {
  one: ['lastNotNull', 'max'],
  names: [],
  below: ['max'],
  beside: ['lastNotNull', 'max'],
};

/** Grafana cuts what takes more than a third of a panel's height: there, lines of names instead of a table. */
function legend(place: keyof typeof CALCS): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(place === 'beside' ? LegendDisplayMode.Table : LegendDisplayMode.List)
    .placement(place === 'beside' ? LegendPlacement.Right : LegendPlacement.Bottom)
    .calcs(CALCS[place]);
}

function figures<P extends AnyPanel>(
  builder: P,
  panel: Figures,
  height: number,
  type: SourceType = 'prometheus',
): P {
  const targets = panel.targets.map((target, index) =>
    target.refId(String.fromCodePoint(65 + index)),
  );
  described(builder, panel, height)
    .datasource(source(type))
    .unit(panel.unit)
    .noValue(panel.empty ?? NO_FIGURES)
    .thresholds(thresholds(panel.limits ?? NO_LIMITS))
    .targets(targets);
  return builder;
}

function described<P extends AnyPanel>(
  builder: P,
  { id, title, shows, bad, next, to, width }: About,
  height: number,
): P {
  builder
    .id(id)
    .title(title)
    .description(`${shows}\n\n**Bad:** ${bad}\n\n**Next:** ${next}`)
    .span(width)
    .height(height)
    .links(to === undefined ? [] : [linkTo(to)]);
  return builder;
}
