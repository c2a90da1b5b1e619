import { isDeepStrictEqual } from 'node:util';

/** Throws with these words unless the claim holds. */
export function must(claim: boolean, words: () => string): asserts claim {
  if (!claim) {
    throw new Error(words());
  }
}

/** Throws unless both are equal; numbers may differ by what adding them up in another order makes. */
export function mustEqual(what: string, actual: unknown, expected: unknown): void {
  const isClose =
    typeof actual === 'number' && typeof expected === 'number'
      ? Math.abs(actual - expected) <= 1e-6
      : isDeepStrictEqual(actual, expected);
  must(isClose, () => `${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}
