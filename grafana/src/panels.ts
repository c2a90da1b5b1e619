import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as HeatmapPanel } from '@grafana/grafana-foundation-sdk/heatmap';
import { PanelBuilder as LogsPanel } from '@grafana/grafana-foundation-sdk/logs';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TextPanel, TextMode } from '@grafana/grafana-foundation-sdk/text';
import { stacked } from './curve-panels.ts';
import { source } from './data-sources.ts';
import { described, figures } from './panel.ts';
import type { About, Figures } from './panel.ts';
import type { Target } from './targets.ts';

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

/** Words, where there is nothing to draw. */
export function text(
  panel: About & { readonly content: string; readonly height?: number },
): Builder<Panel> {
  return described(new TextPanel(), panel, panel.height ?? 4)
    .mode(TextMode.Markdown)
    .content(panel.content);
}
