import type { DataFrame, GrafanaTheme2, TimeRange } from '@grafana/data';
import type { Panel } from '#dashboard.ts';
import type { Exemplar } from '#drawing.ts';

/** What every visualisation is given. */
export interface PanelData {
  readonly panel: Panel;
  readonly frames: DataFrame[];
  readonly exemplars: readonly Exemplar[];
  readonly theme: GrafanaTheme2;
  readonly timeRange: TimeRange;
  readonly width: number;
  readonly height: number;
  readonly replaceVariables: (text: string) => string;
}
