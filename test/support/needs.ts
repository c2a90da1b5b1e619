/** For `it.runIf`: says on standard error what a test is skipped for want of. */
export function needs(isThere: boolean, what: string): boolean {
  if (!isThere) {
    process.stderr.write(`a test is skipped: it needs ${what}\n`);
  }
  return isThere;
}
