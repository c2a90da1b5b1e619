import type { Block } from './block.ts';
import type { Contestant } from './contestant.ts';
import { type Figures, figuresOf } from './figures.ts';
import { markdownTable } from './markdown-table.ts';
import type { Spread } from './statistics.ts';
import type { Workload } from './workload.ts';

export interface ReportInput {
  readonly blocks: readonly Block[];
  readonly contestants: readonly Contestant[];
  readonly workloads: readonly Pick<Workload, 'name' | 'title'>[];
  readonly baseline: string;
  /** Lines above the tables: where and how it was measured. */
  readonly preface: readonly string[];
}

const MIB = 1024 * 1024;
const NONE = '–';

/** All tables of a run in Markdown: the ratios first, then one table a route. */
export function report({ blocks, contestants, workloads, baseline, preface }: ReportInput): string {
  const figures = (contestant: Contestant, { name }: Pick<Workload, 'name'>) =>
    figuresOf(blocks, contestant.key, name, baseline);
  const named = ({ key, title, tracing }: Contestant) => [key, title, tracing ?? NONE];
  const summary = markdownTable(
    ['', 'CPU a request, as a ratio', 'traced', ...workloads.map(({ title }) => `\`${title}\``)],
    contestants.map((contestant) => [
      ...named(contestant),
      ...workloads.map((workload) => ratioOf(figures(contestant, workload))),
    ]),
    { textColumns: 3 },
  );
  const routes = workloads.map((workload) => {
    const table = markdownTable(
      ['', 'contestant', 'traced', 'CPU µs a request', 'requests/s', 'p50 ms', 'p99 ms', 'RSS MiB'],
      contestants.map((contestant) => [
        ...named(contestant),
        ...cells(figures(contestant, workload)),
      ]),
      { textColumns: 3 },
    );
    return `### \`${workload.title}\`\n\n${table}`;
  });
  return [...preface, summary, ...routes].join('\n\n');
}

function cells({ cpuUs, perSecond, p50Ms, p99Ms, rssBytes }: Figures): readonly string[] {
  return [
    withRange(cpuUs, 0),
    perSecond.median.toFixed(0),
    p50Ms.median.toFixed(1),
    p99Ms.median.toFixed(1),
    (rssBytes.median / MIB).toFixed(0),
  ];
}

function ratioOf({ ratio }: Figures): string {
  return ratio === undefined ? NONE : withRange(ratio, 2);
}

function withRange({ median, min, max }: Spread, digits: number): string {
  const [middle, least, most] = [median, min, max].map((figure) => figure.toFixed(digits));
  return `${middle} (${least}–${most})`;
}
