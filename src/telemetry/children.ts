/** A counter with its labels bound. */
export interface CounterChild {
  inc(value?: number): void;
}

/** Binds one child for each value of a label. */
export function childrenOf<C>(
  values: readonly string[],
  bind: (value: string) => C,
): ReadonlyMap<string, C> {
  return new Map(values.map((value) => [value, bind(value)]));
}

/** The counter's child, there as 0 before its first event, so that `increase()` sees that one. */
export function bornAtZero(child: CounterChild): CounterChild {
  child.inc(0);
  return child;
}
