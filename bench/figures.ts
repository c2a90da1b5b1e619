import type { Block } from './block.ts';
import { spread, type Spread } from './statistics.ts';
import type { Workload } from './workload.ts';

/** What the rounds say of one contestant on one route. */
export interface Figures {
  readonly cpuUs: Spread;
  /** CPU time against the baseline's of the same round; undefined without one. */
  readonly ratio: Spread | undefined;
  readonly perSecond: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  readonly rssBytes: Spread;
}

/** The figures of one contestant on one route. Throws when it has no block there. */
export function figuresOf(
  blocks: readonly Block[],
  contestant: string,
  workload: Workload['name'],
  baseline: string,
): Figures {
  const onRoute = blocks.filter((block) => block.workload === workload);
  const own = onRoute.filter((block) => block.contestant === contestant);
  const baselineCpu = new Map(
    onRoute
      .filter((block) => block.contestant === baseline)
      .map(({ round, cpuUs }) => [round, cpuUs]),
  );
  const ratios = own.flatMap(({ round, cpuUs }) => {
    const base = baselineCpu.get(round);
    return base === undefined ? [] : [cpuUs / base];
  });
  const of = (field: 'cpuUs' | 'perSecond' | 'p50Ms' | 'p99Ms' | 'rssBytes') =>
    spread(own.map((block) => block[field]));
  return {
    cpuUs: of('cpuUs'),
    ratio: ratios.length === 0 ? undefined : spread(ratios),
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    rssBytes: of('rssBytes'),
  };
}
