import { isRow } from './dashboard.ts';
import type { Dashboard, Panel, Row, Target, VariableModel } from './dashboard.ts';
import { expand, PAGE_WIDTH } from './drawing.ts';
import type { Answer, Drawing, PanelDrawing, Variable } from './drawing.ts';
import type { Prometheus } from './prometheus.ts';

/** What to ask and for which time; `chosen` are the variables' values that were given. */
export interface Question {
  readonly prometheus: Prometheus;
  readonly fromMs: number;
  readonly toMs: number;
  readonly scrapeIntervalMs: number;
  readonly chosen: ReadonlyMap<string, string>;
}

/** Asks Prometheus for everything a dashboard shows. A query that fails becomes its panel's note. */
export async function queryDashboard(dashboard: Dashboard, question: Question): Promise<Drawing> {
  const variables: Variable[] = [];
  for (const model of dashboard.templating?.list ?? []) {
    variables.push(await resolveVariable(model, variables, question));
  }

  const panels: PanelDrawing[] = [];
  for (const panel of expandRows(dashboard.panels ?? [])) {
    panels.push(await queryPanel(panel, variables, question));
  }
  const { fromMs, toMs } = question;
  return { title: dashboard.title ?? 'Dashboard', fromMs, toMs, variables, panels };
}

/** Opens collapsed rows: what is below moves down by what they hide. */
function expandRows(panels: readonly (Panel | Row)[]): (Panel | Row)[] {
  let shift = 0;
  const moved = <P extends Panel | Row>(panel: P): P => ({
    ...panel,
    gridPos: { x: 0, w: 24, h: 1, ...panel.gridPos, y: (panel.gridPos?.y ?? 0) + shift },
  });
  return panels.flatMap((panel) => {
    const row = moved(panel);
    if (!isRow(panel) || panel.panels.length === 0) return [row];
    const hidden = panel.panels.map(moved);
    const bottom = Math.max(...hidden.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)));
    shift += bottom - (row.gridPos?.y ?? 0) - 1;
    return [row, ...hidden];
  });
}

async function resolveVariable(
  model: VariableModel,
  before: readonly Variable[],
  { prometheus, chosen }: Question,
): Promise<Variable> {
  const { name, type } = model;
  const described = (value: string, shown: string | undefined): Variable => ({
    name,
    label: model.label ?? name,
    value,
    shown: type === 'datasource' || model.hide === 2 ? undefined : shown,
  });
  const given = chosen.get(name);
  if (given !== undefined) return described(given, given);
  if (model.includeAll === true) return described(model.allValue ?? '.*', 'All');

  const query = queryText(model);
  if (type === 'query') {
    const [, selector, label] = /label_values\((?:(.+),)?\s*(\w+)\s*\)/.exec(query) ?? [];
    if (label === undefined) throw new Error(`variable ${name}: cannot read ${query}`);
    const [first] = await prometheus.labelValues(
      label,
      selector && expand(selector, textOf(before)),
    );
    return described(first ?? '.*', first ?? 'none');
  }
  const current = [model.current?.value ?? query.split(',')[0] ?? ''].flat().join('|');
  return described(current, current);
}

function queryText({ query }: VariableModel): string {
  return (typeof query === 'string' ? query : query?.query) ?? '';
}

function textOf(variables: readonly Variable[]): Map<string, string> {
  return new Map(variables.map(({ name, value }) => [name, value]));
}

async function queryPanel(
  panel: Panel | Row,
  variables: readonly Variable[],
  question: Question,
): Promise<PanelDrawing> {
  const answers: Answer[] = [];
  const notes: string[] = [];
  for (const target of (isRow(panel) ? undefined : panel.targets) ?? []) {
    const source = target.datasource?.type ?? panel.datasource?.type ?? 'prometheus';
    if (target.hide === true) continue;
    if (source !== 'prometheus') {
      notes.push(`from ${source}: not part of this picture`);
    } else {
      try {
        answers.push(await queryTarget(panel, target, variables, question));
      } catch (error) {
        notes.push(`${target.refId}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return { panel, answers, note: notes.length === 0 ? undefined : [...new Set(notes)].join('\n') };
}

async function queryTarget(
  panel: Panel | Row,
  target: Target,
  variables: readonly Variable[],
  { prometheus, fromMs, toMs, scrapeIntervalMs }: Question,
): Promise<Answer> {
  const points = ('maxDataPoints' in panel ? panel.maxDataPoints : undefined) ?? widthOf(panel);
  const least = target.interval ?? ('interval' in panel ? panel.interval : undefined);
  const stepMs = Math.max(
    roundStep((toMs - fromMs) / points),
    scrapeIntervalMs,
    parseSeconds(least) * 1000,
  );
  const rangeSeconds = Math.round((toMs - fromMs) / 1000);
  const values = textOf(variables)
    .set('__interval', `${stepMs / 1000}s`)
    .set('__interval_ms', String(stepMs))
    .set('__rate_interval', `${Math.max(stepMs + scrapeIntervalMs, 4 * scrapeIntervalMs) / 1000}s`)
    .set('__range', `${rangeSeconds}s`)
    .set('__range_s', String(rangeSeconds))
    .set('__range_ms', String(rangeSeconds * 1000));
  const expr = expand(target.expr ?? '', values);

  const isInstant = target.instant === true && target.range !== true;
  return {
    refId: target.refId ?? 'A',
    expr,
    legend: target.legendFormat,
    format: target.format ?? 'time_series',
    stepMs,
    series: isInstant
      ? await prometheus.query(expr, toMs)
      : await prometheus.queryRange(expr, fromMs, toMs, stepMs),
    exemplars: target.exemplar === true ? await prometheus.exemplars(expr, fromMs, toMs) : [],
  };
}

function widthOf({ gridPos }: Panel | Row): number {
  return ((gridPos?.w ?? 24) / 24) * PAGE_WIDTH;
}

const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 21600];

function roundStep(ms: number): number {
  return (STEPS.find((seconds) => seconds * 1000 >= ms) ?? 86_400) * 1000;
}

const UNITS = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
  ['d', 86_400],
]);

/** Reads `15s` or `1m`; 0 when there is nothing to read. */
export function parseSeconds(text: string | undefined): number {
  const [, count, unit] = /^>?(\d+)([smhd])$/.exec(text ?? '') ?? [];
  return Number(count ?? 0) * (UNITS.get(unit ?? '') ?? 0);
}
