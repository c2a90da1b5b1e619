import { StatementFacts } from '#sql/statement-facts.ts';

/** How many statements one connection prepares at most; further ones are sent unnamed. */
export const PREPARED_PER_CONNECTION = 200;

/**
 * Gives a statement its name from the second time on, so that a text used once is never prepared: lists of changing
 * length make texts that never come again, and those that are too long to be remembered. One name belongs to one text
 * for the life of the pool, since pg refuses a name that comes with another text.
 */
export class StatementNames {
  readonly #known = new StatementFacts<{ isKnown: boolean; name?: string }>(() => ({
    isKnown: false,
  }));
  #count = 0;

  /** The name of a text, or undefined when it should be sent unnamed. */
  nameOf(text: string): string | undefined {
    const statement = this.#known.of(text);
    if (!statement.isKnown) {
      statement.isKnown = true;
      return undefined;
    }
    statement.name ??= `tidegauge_${++this.#count}`;
    return statement.name;
  }
}
