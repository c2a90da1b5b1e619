import type { Panel, Row } from './dashboard.ts';

/** One series of a Prometheus answer, as its API spells it: values are text, `NaN` and `+Inf` too. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

/** A sample that leads to a trace. */
export interface Exemplar {
  readonly timestamp: number;
  readonly value: string;
}

/** What came of one target of a panel. */
export interface Answer {
  readonly refId: string;
  readonly expr: string;
  readonly legend: string | undefined;
  readonly format: string;
  readonly stepMs: number;
  readonly series: readonly Series[];
  readonly exemplars: readonly Exemplar[];
}

/** A panel with its answers; `note` says why there are none. */
export interface PanelDrawing {
  readonly panel: Panel | Row;
  readonly answers: readonly Answer[];
  readonly note: string | undefined;
}

/** What a variable stands for in queries, and what a reader is shown. */
export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly shown: string | undefined;
}

/** Everything the page needs to draw one dashboard: plain data. */
export interface Drawing {
  readonly title: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly variables: readonly Variable[];
  readonly panels: readonly PanelDrawing[];
}

/** The width of a picture, in pixels: of Grafana's 24 columns and the margins. */
export const PAGE_WIDTH = 1600;

/** Replaces `$name`, `${name}`, `${name:format}` and `[[name]]`; unknown names stay as they are. */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    /\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]/g,
    (whole, a?: string, b?: string, c?: string) => values.get(a ?? b ?? c ?? '') ?? whole,
  );
}
