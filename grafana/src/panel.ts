import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import type {
  DashboardLink,
  Panel,
  ThresholdsConfig,
} from '@grafana/grafana-foundation-sdk/dashboard';
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
  /** What stands in the place of figures that are not there. */
  readonly empty?: string;
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
  noValue(text: string): AnyPanel;
}

/** Said where figures are missing. */
export const NO_FIGURES = 'no data';

/** A panel with its description, its data source and its queries. */
export function figures<P extends AnyPanel>(
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

/** A panel with its description. */
export function described<P extends AnyPanel>(
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
