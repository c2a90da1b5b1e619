/** How many statements one connection prepares at most; further ones are sent unnamed. */
export const PREPARED_PER_CONNECTION = 200;

// Lists of changing length make texts that never come again; they are long, too.
const NAMED_LENGTH_LIMIT = 4096;
const KNOWN_LIMIT = 2000;

/**
 * Gives a statement its name from the second time on, so that a text used once is never prepared. One name belongs to
 * one text for the life of the pool, since pg refuses a name that comes with another text.
 */
export class StatementNames {
  readonly #names = new Map<string, string | undefined>();
  #count = 0;

  /** The name of a text, or undefined when it should be sent unnamed. */
  nameOf(text: string): string | undefined {
    if (text.length > NAMED_LENGTH_LIMIT) {
      return undefined;
    }
    if (!this.#names.has(text)) {
      this.#remember(text);
      return undefined;
    }
    const known = this.#names.get(text);
    if (known !== undefined) {
      return known;
    }
    this.#count += 1;
    const name = `tidegauge_${this.#count}`;
    this.#names.set(text, name);
    return name;
  }

  #remember(text: string): void {
    if (this.#names.size >= KNOWN_LIMIT) {
      const [oldest] = this.#names.keys();
      this.#names.delete(oldest ?? text);
    }
    this.#names.set(text, undefined);
  }
}
