/** The middle of some figures, and how far apart they are. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The figure that the share `p` (0…1) does not exceed, by nearest rank. Throws for no figures. */
export function percentile(figures: readonly number[], p: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const figure = sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)];
  if (figure === undefined) throw new RangeError('there are no figures');
  return figure;
}

/** Median, least and most. Throws for no figures. */
export function spread(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return {
    median: middle.reduce((sum, figure) => sum + figure, 0) / middle.length,
    min: percentile(sorted, 0),
    max: percentile(sorted, 1),
  };
}
