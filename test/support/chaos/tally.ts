/** Counts by name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Every name and its count. */
  get total(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  /** How many names match; all without a pattern. */
  count(pattern = /^/): number {
    return [...this.#counts].reduce(
      (sum, [name, count]) => (pattern.test(name) ? sum + count : sum),
      0,
    );
  }

  /** The names that occurred and do not match. */
  except(pattern: RegExp): Record<string, number> {
    return Object.fromEntries([...this.#counts].filter(([name]) => !pattern.test(name)));
  }

  toString(): string {
    return [...this.#counts]
      .toSorted(([one], [other]) => one.localeCompare(other))
      .map(([name, count]) => `${count} × ${name}`)
      .join(', ');
  }
}
