const KNOWN_LIMIT = 2000;
const KEPT_LENGTH = 4096;

/**
 * Remembers what a function says of the texts of statements, of which a service has few and sends many: the 2000 that
 * came last, none longer than 4096 characters.
 */
export class StatementFacts<T> {
  readonly #find: (text: string) => T;
  readonly #known = new Map<string, T>();

  constructor(find: (text: string) => T) {
    this.#find = find;
  }

  /** What the function says of the text, now or when it was asked first. */
  of(text: string): T {
    const known = this.#known.get(text);
    if (known !== undefined) {
      return known;
    }
    const found = this.#find(text);
    if (text.length <= KEPT_LENGTH) {
      if (this.#known.size >= KNOWN_LIMIT) {
        const [oldest = text] = this.#known.keys();
        this.#known.delete(oldest);
      }
      this.#known.set(text, found);
    }
    return found;
  }
}
