import { colorManipulator, FieldType, formattedValueToString, getValueFormat } from '@grafana/data';
import type { DataFrame } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder } from '@grafana/ui';
import { useMemo } from 'react';
import type uPlot from 'uplot';
import type { PanelData } from './panel-data.ts';

/**
 * Buckets over time, one row a bucket, darker where more fell into it. `@grafana/ui` does not publish
 * Grafana's heatmap: this one is drawn on its chart, with its axes.
 */
export function HeatmapPanel({ panel, frames, theme, timeRange, width, height }: PanelData) {
  const unit = panel.options?.yAxis?.unit ?? 's';
  const { config, data } = useMemo(() => {
    const format = getValueFormat(unit);
    const labels = frames.map((frame) => {
      const bound = Number(frame.fields[1]?.labels?.['le']);
      return Number.isFinite(bound) ? formattedValueToString(format(bound)) : '+Inf';
    });
    const every = Math.ceil((labels.length * LABEL_HEIGHT) / height);
    const config = new UPlotConfigBuilder('utc');
    // Room for the time at the right end, which would be cut.
    config.setPadding([null, 32, null, null]);
    config.addScale({
      scaleKey: 'x',
      isTime: true,
      orientation: ScaleOrientation.Horizontal,
      direction: ScaleDirection.Right,
      range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
    });
    config.addScale({
      scaleKey: 'y',
      orientation: ScaleOrientation.Vertical,
      direction: ScaleDirection.Up,
      range: () => [0, frames.length],
    });
    config.addAxis({
      scaleKey: 'x',
      isTime: true,
      placement: AxisPlacement.Bottom,
      timeZone: 'utc',
      theme,
    });
    config.addAxis({
      scaleKey: 'y',
      placement: AxisPlacement.Left,
      theme,
      splits: labels.flatMap((_, index) => (index % every === 0 ? [index + 1] : [])),
      values: labels.filter((_, index) => index % every === 0),
    });
    config.addSeries({
      scaleKey: 'y',
      theme,
      pathBuilder: () => null,
      pointsBuilder: () => undefined,
    });
    const color = theme.visualization.getColorByName('orange');
    config.addHook('draw', (plot) => drawCells(plot, frames, color));
    return { config, data: dataOf(frames, timeRange.from.valueOf()) };
  }, [frames, theme, timeRange, unit, height]);
  return <UPlotChart config={config} data={data} width={width} height={height} />;
}

/** A label of the axis, with air around it, and the time axis shared among the rows. */
const LABEL_HEIGHT = 20;

function dataOf(frames: readonly DataFrame[], from: number): uPlot.AlignedData {
  const times = frames[0]?.fields.find(({ type }) => type === FieldType.time)?.values ?? [from];
  return [times, times.map(() => 0)];
}

function drawCells(plot: uPlot, frames: readonly DataFrame[], color: string): void {
  const counts = frames.flatMap((frame) => frame.fields[1]?.values ?? []);
  const most = Math.max(...counts);
  for (const [row, frame] of frames.entries()) {
    const [times, values] = frame.fields;
    const step = times?.config.interval ?? 0;
    for (let index = 0; index < frame.length; index += 1) {
      const count = values?.values[index] ?? 0;
      if (count > 0) {
        const left = Math.round(plot.valToPos(times?.values[index] - step, 'x', true));
        const right = Math.round(plot.valToPos(times?.values[index], 'x', true));
        const top = Math.round(plot.valToPos(row + 1, 'y', true));
        const bottom = Math.round(plot.valToPos(row, 'y', true));
        // The power lets the rare slow ones be seen beside the many quick ones.
        plot.ctx.fillStyle = colorManipulator.alpha(color, (count / most) ** 0.25);
        plot.ctx.fillRect(left, top + 1, right - left, bottom - top - 1);
      }
    }
  }
}
