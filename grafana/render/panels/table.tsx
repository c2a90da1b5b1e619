import type { DataFrame } from '@grafana/data';
import { TableNG } from '@grafana/ui/unstable';
import { withDefaults } from '#frames.ts';
import type { PanelData } from './panel-data.ts';

/** Rows of the first answer, sorted as the dashboard says. */
export function TablePanel({ panel, frames, timeRange, width, height }: PanelData) {
  const data: DataFrame | undefined = frames[0];
  if (data === undefined) return null;
  return (
    <TableNG
      data={data}
      width={width}
      height={height}
      timeRange={timeRange}
      noHeader={panel.options?.showHeader === false}
      sortBy={panel.options?.sortBy ?? []}
      cellHeight={panel.options?.cellHeight}
      fieldConfig={withDefaults(panel)}
      enableVirtualization={false}
    />
  );
}
