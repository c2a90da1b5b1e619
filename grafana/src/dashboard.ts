import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { annotations } from './annotations.ts';
import { linkToAll, TAG, UIDS } from './links.ts';
import type { DashboardName } from './links.ts';
import { variables } from './variables.ts';

/** Panels under a title, from left to right in lines of 24 columns. */
export interface Row {
  /** As with panels: kept for ever. */
  readonly id: number;
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

interface Contents {
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

/** A dashboard with all that they have in common: variables, links, annotations, one crosshair, not to be edited by hand. */
export function dashboard(name: DashboardName, { title, description, rows }: Contents): Dashboard {
  const builder = new DashboardBuilder(`Tidegauge / ${title}`)
    .uid(UIDS[name])
    .description(description)
    .tags([TAG])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .variables(variables())
    .annotations(annotations())
    .link(linkToAll());
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(row.id));
    for (const panel of row.panels) {
      builder.withPanel(panel);
    }
  }
  return builder.build();
}
