/**
 * Whether a statement begins or ends a transaction, which would take it away from whoever commits it. `rollback to` a
 * savepoint does not.
 */
export function beginsOrEnds(statement: string): boolean {
  return /^\s*(?:begin|start\s+transaction|commit|end|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|abort|prepare\s+transaction)\b/i.test(
    statement,
  );
}
