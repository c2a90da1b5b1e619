import type { Block } from '#bench/block.ts';
import { figuresOf } from '#bench/figures.ts';
import { describe, expect, it } from 'vitest';

function block(contestant: string, round: number, cpuUs: number): Block {
  const seen = { perSecond: 1000, p50Ms: 1, p99Ms: 2, rssBytes: 1 };
  return { contestant, workload: 'read', round, cpuUs, ...seen };
}

describe('figuresOf', () => {
  it('compares with the baseline of the same round, so that a machine that gets slower changes no ratio', () => {
    const blocks = [block('d', 1, 100), block('a', 1, 150), block('d', 2, 300), block('a', 2, 450)];

    const { ratio, cpuUs } = figuresOf(blocks, 'a', 'read', 'd');

    expect(ratio).toStrictEqual({ median: 1.5, min: 1.5, max: 1.5 });
    expect(cpuUs).toStrictEqual({ median: 300, min: 150, max: 450 });
  });

  it('has no ratio without the baseline', () => {
    expect(figuresOf([block('a', 1, 150)], 'a', 'read', 'd').ratio).toBeUndefined();
  });

  it('leaves blocks of other routes out', () => {
    const blocks = [block('a', 1, 150), { ...block('a', 1, 900), workload: 'list' } as const];

    expect(figuresOf(blocks, 'a', 'read', 'd').cpuUs.max).toBe(150);
  });
});
