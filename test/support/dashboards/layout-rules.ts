import { TAG } from '#grafana/links.ts';
import type { PanelJson } from './dashboard-json.ts';
import type { Rules } from './rule.ts';

/** Rules about the whole page. */
export const LAYOUT_RULES: Rules = {
  'a dashboard is not edited by hand': ({ editable }) => (editable ? ['editable'] : []),
  'the crosshair is shared': ({ graphTooltip }) =>
    graphTooltip === 1 ? [] : [String(graphTooltip)],
  'panels have ids of their own': ({ panels }) =>
    panels
      .filter(({ id }, at) => !(id > 0) || panels.findIndex((other) => other.id === id) !== at)
      .map(({ id, title }) => `${title} has ${id}`),
  'panels do not overlap': ({ panels }) =>
    panels.flatMap((panel, at) =>
      panels
        .slice(at + 1)
        .filter((other) => overlaps(panel, other))
        .map((other) => `${panel.title} and ${other.title}`),
    ),
  'panels fit into 24 columns': ({ panels }) =>
    panels
      .filter(({ gridPos: { x, w } }) => x < 0 || w < 1 || x + w > 24)
      .map(({ title }) => title),
  'nothing is left to be filled in by whoever imports it': (dashboard) =>
    Object.keys(dashboard).filter((key) => key.startsWith('__')),
  'deploys and firing alerts are marked': ({ annotations }) => {
    const marked = annotations.list.map(({ expr }) => expr).join('\n');
    return ['process_start_time_seconds', 'tidegauge_build_info', 'alertstate="firing"'].filter(
      (one) => !marked.includes(one),
    );
  },
  'the others are one click away, and it is from them': ({ tags, links }) => [
    ...(tags.includes(TAG) ? [] : ['has not the tag by which it is found']),
    ...(links.some((link) => link.type === 'dashboards' && link.tags.includes(TAG))
      ? []
      : ['leads nowhere']),
  ],
};

function overlaps({ gridPos: a }: PanelJson, { gridPos: b }: PanelJson): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
