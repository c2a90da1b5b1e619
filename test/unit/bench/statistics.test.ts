import { percentile, spread } from '#bench/statistics.ts';
import { describe, expect, it } from 'vitest';

describe('percentile', () => {
  it('is the least figure that the share of them does not exceed', () => {
    const figures = Array.from({ length: 200 }, (_, index) => 200 - index);

    expect([0, 0.5, 0.99, 1].map((p) => percentile(figures, p))).toStrictEqual([1, 100, 198, 200]);
  });

  it('of nothing throws', () => {
    expect(() => percentile([], 0.5)).toThrow('there are no figures');
  });
});

describe('spread', () => {
  it('has the one in the middle, in whatever order they come', () => {
    expect(spread([30, 9, 100])).toStrictEqual({ median: 30, min: 9, max: 100 });
  });

  it('has the mean of the two in the middle', () => {
    expect(spread([4, 1, 2, 10])).toStrictEqual({ median: 3, min: 1, max: 10 });
  });
});
