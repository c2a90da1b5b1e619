import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  ReduceDataOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { MappingType, SpecialValueMatch } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Panel, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import type { Limits } from './limits.ts';
import { figures, NO_FIGURES } from './panel.ts';
import type { Figures } from './panel.ts';

/** In the place of what is a share of requests, while there are none. */
export const NO_TRAFFIC = 'no traffic';

/** In the place of a budget that is used more than twice, of which the exact figure says nothing. */
export const OVERDRAWN: ValueMapping = {
  type: MappingType.RangeToText,
  options: { from: null, to: -1, result: { text: 'overdrawn', color: 'red' } },
};

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
