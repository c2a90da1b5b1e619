/** What is kept of each pool, made once, when its name is first heard. */
export class PerPool<T> {
  readonly #make: (name: string) => T;
  readonly #known = new Map<string, T>();

  constructor(make: (name: string) => T) {
    this.#make = make;
  }

  of(name: string): T {
    const known = this.#known.get(name);
    if (known !== undefined) {
      return known;
    }
    const made = this.#make(name);
    this.#known.set(name, made);
    return made;
  }

  all(): Iterable<[name: string, kept: T]> {
    return this.#known;
  }
}
