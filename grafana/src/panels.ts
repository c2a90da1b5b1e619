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
import type {
  DashboardLink,
  Panel,
  ThresholdsConfig,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import { PanelBuilder as HeatmapPanel } from '@grafana/grafana-foundation-sdk/heatmap';
import { PanelBuilder as LogsPanel } from '@grafana/grafana-foundation-sdk/logs';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TextPanel, TextMode } from '@grafana/grafana-foundation-sdk/text';
import { PanelBuilder as TimeseriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { source } from './data-sources.ts';
import type { SourceType } from './data-sources.ts';
import { NO_LIMITS, thresholds } from './limits.ts';
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
}

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
}

/** One figure, large, with the way it took behind it. */
export function stat(
  panel: Figures & { readonly limits: Limits; readonly text?: 'name' | 'value' },
): Builder<Panel> {
  return figures(new StatPanel(), panel, 4)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .colorMode(panel.text === 'name' ? BigValueColorMode.None : BigValueColorMode.Value)
    .graphMode(panel.text === undefined ? BigValueGraphMode.Area : BigValueGraphMode.None)
    .textMode(panel.text === 'name' ? BigValueTextMode.Name : BigValueTextMode.Auto);
}

/** Curves over time; limits are drawn as dashed lines. */
export function timeseries(panel: Figures & { readonly height?: number }): TimeseriesPanel {
  const style =
    panel.limits === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed;
  return figures(new TimeseriesPanel(), panel, panel.height ?? 8)
    .min(0)
    .lineWidth(1)
    .fillOpacity(8)
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(style))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'max']),
    );
}

/** Curves on top of each other, but for the one called `line`, which bounds them. */
export function stacked(panel: Figures & { readonly line?: string }): TimeseriesPanel {
  const built = timeseries(panel)
    .fillOpacity(40)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  return panel.line === undefined
    ? built
    : built.overrideByName(panel.line, [
        { id: 'custom.stacking', value: { mode: StackingMode.None } },
        { id: 'custom.fillOpacity', value: 0 },
        { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
      ]);
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
