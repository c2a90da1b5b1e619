import type { VizLegendOptions } from '@grafana/schema';
import { LegendDisplayMode } from '@grafana/schema';
import { TimeSeries } from '@grafana/ui';
import type { UPlotConfigBuilder } from '@grafana/ui';
import { useLayoutEffect } from 'react';
import type { Exemplar } from '#drawing.ts';
import type { PanelData } from './panel-data.ts';

const LEGEND: VizLegendOptions = {
  showLegend: true,
  displayMode: LegendDisplayMode.List,
  placement: 'bottom',
  calcs: [],
};

/** Lines, bars and stacks over time, with exemplars as points. */
export function TimeSeriesPanel({ panel, frames, exemplars, timeRange, width, height }: PanelData) {
  return (
    <TimeSeries
      frames={frames}
      width={width}
      height={height}
      timeRange={timeRange}
      timeZone="utc"
      legend={{ ...LEGEND, ...panel.options?.legend }}
      options={panel.options ?? {}}
    >
      {(config) => <Extras {...{ config, exemplars }} />}
    </TimeSeries>
  );
}

interface ExtrasProps {
  readonly config: UPlotConfigBuilder;
  readonly exemplars: readonly Exemplar[];
}

/** Exemplars stand where their value is, at the edge if the axis ends before it: as in Grafana. */
function Extras({ config, exemplars }: ExtrasProps) {
  useLayoutEffect(() => {
    // Room for the time at the right end, which would be cut.
    config.setPadding([null, 32, null, null]);
    config.addHook('draw', (plot) => {
      const key = plot.series[1]?.scale ?? 'y';
      const { min = 0, max = 0 } = plot.scales[key] ?? {};
      plot.ctx.fillStyle = EXEMPLAR_COLOR;
      for (const { timestamp, value } of exemplars) {
        const y = Math.min(Math.max(Number(value), min), max);
        drawDiamond(
          plot.ctx,
          plot.valToPos(timestamp * 1000, 'x', true),
          plot.valToPos(y, key, true),
        );
      }
    });
  }, [config, exemplars]);
  return null;
}

const EXEMPLAR_COLOR = 'rgba(115, 191, 105, 0.6)';

function drawDiamond(context: CanvasRenderingContext2D, x: number, y: number): void {
  context.beginPath();
  context.moveTo(x, y - 4);
  context.lineTo(x + 4, y);
  context.lineTo(x, y + 4);
  context.lineTo(x - 4, y);
  context.fill();
}
