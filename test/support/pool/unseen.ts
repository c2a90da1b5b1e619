/** Gives each time what has been added to a list since the last time. */
export function unseen<T>(list: readonly T[]): () => readonly T[] {
  let seen = 0;
  return () => {
    const added = list.slice(seen);
    seen = list.length;
    return added;
  };
}
