import * as units from '@grafana/grafana-foundation-sdk/units';
import { figuresOf, panelsOf } from './dashboard-json.ts';
import type { PanelJson } from './dashboard-json.ts';
import type { Rules } from './rule.ts';

const UNITS = new Set<unknown>(Object.values(units));

/** Rules about one panel at a time: the linter's, and ours. Texts have words instead of figures. */
export const PANEL_RULES: Rules = {
  'panels ask a data source variable of the dashboard': (dashboard) => {
    const variables = new Set(
      dashboard.templating.list
        .filter(({ type }) => type === 'datasource')
        .map(({ name }) => `\${${name}}`),
    );
    const isChosen = (uid: string | undefined) => uid !== undefined && variables.has(uid);
    return [
      ...figuresOf(dashboard).flatMap((panel) =>
        [panel, ...(panel.targets ?? [])]
          .filter(({ datasource }) => !isChosen(datasource?.uid))
          .map(({ datasource }) => `${panel.title} asks ${String(datasource?.uid)}`),
      ),
      ...dashboard.annotations.list
        .filter(({ datasource }) => !isChosen(datasource?.uid))
        .map(({ name }) => name),
    ];
  },
  'panels have a title': (dashboard) =>
    panelsOf(dashboard)
      .filter(({ title }) => (title ?? '').trim() === '')
      .map(({ id }) => String(id)),
  'panels say what they show, what is bad and where to look next': (dashboard) =>
    titles(panelsOf(dashboard), ({ description = '' }) =>
      /^\S.+\.\n\n\*\*Bad:\*\* \S.+\.\n\n\*\*Next:\*\* \S.+\.$/.test(description),
    ),
  'panels have a unit that Grafana knows': (dashboard) =>
    titles(figuresOf(dashboard), ({ fieldConfig }) => UNITS.has(fieldConfig?.defaults.unit)),
  'panels have targets': (dashboard) =>
    titles(figuresOf(dashboard), ({ targets }) => (targets ?? []).length > 0),
  'panels have thresholds': (dashboard) =>
    titles(
      figuresOf(dashboard),
      ({ fieldConfig }) => fieldConfig?.defaults.thresholds?.steps[0]?.value === null,
    ),
  'legends are shown': (dashboard) =>
    titles(
      panelsOf(dashboard).filter(({ type }) => ['timeseries', 'heatmap'].includes(type)),
      ({ options }) => options?.legend?.showLegend === true || options?.legend?.show === true,
    ),
  'stats say which of many values they show': (dashboard) =>
    titles(
      panelsOf(dashboard).filter(({ type }) => type === 'stat'),
      ({ options }) => (options?.reduceOptions?.calcs ?? []).length === 1,
    ),
};

function titles(
  panels: readonly PanelJson[],
  isRight: (panel: PanelJson) => boolean,
): readonly string[] {
  return panels.filter((panel) => !isRight(panel)).map(({ title }) => title);
}
