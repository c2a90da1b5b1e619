/** A server that has been up for this long has started well: its next death is a new one. */
export const SETTLED_MS = 1_000;

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** How long to wait before the next attempt to start a server after `failures` ones in a row; the first is immediate. */
export function restartDelayMs(failures: number): number {
  return failures <= 0 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10));
}
