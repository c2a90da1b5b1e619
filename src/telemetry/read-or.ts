/** What a source of gauges says, or `fallback` when it throws: a scrape never fails for one of them. */
export function readOr<T>(read: () => T, fallback: T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}
