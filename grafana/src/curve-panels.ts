import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { FieldColorBuilder, FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as TimeseriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Colours } from './colours.ts';
import { isBadWhenLow, linesOf, NO_LIMITS } from './limits.ts';
import { figures } from './panel.ts';
import type { Figures } from './panel.ts';

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

/** From this width on there is room for a table of the curves beside them. */
const WIDE = 12;

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
