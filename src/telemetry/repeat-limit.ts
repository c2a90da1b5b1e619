/**
 * Writes the first of a kind, and of those that follow one in every `intervalMs`. `write` is given the number of those
 * with the same key that were left out since the last one written. Keys come from closed sets: none is ever forgotten.
 * `now` gives milliseconds of any steady clock.
 */
export function repeatLimit(
  intervalMs: number,
  now: () => number,
): (key: string, write: (suppressed: number) => void) => void {
  const written = new Map<string, { at: number; suppressed: number }>();
  return (key, write) => {
    const at = now();
    const last = written.get(key);
    if (last !== undefined && at - last.at < intervalMs) {
      last.suppressed += 1;
      return;
    }
    written.set(key, { at, suppressed: 0 });
    write(last?.suppressed ?? 0);
  };
}
