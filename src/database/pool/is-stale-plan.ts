/** `cached plan must not change result type` after a migration; 26000 when a function has dropped the statement. */
export function isStalePlan(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const sqlState: unknown = Reflect.get(error, 'code');
  return (
    sqlState === '26000' ||
    (sqlState === '0A000' && Reflect.get(error, 'routine') === 'RevalidateCachedQuery')
  );
}
