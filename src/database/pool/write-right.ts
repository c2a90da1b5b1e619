import { beginsOrEnds } from '#database/begins-or-ends.ts';

const CONTROLS = /^\s*(?:begin|start|commit|end|rollback|abort|prepare|set|release)\b/i;
const BEGINS_WRITER = /^\s*(?:start\s+transaction|begin)\b.*\bread\s+write\b/i;
const TAKES_RIGHT = /^\s*set\s+transaction\s+read\s+only\b/i;

/** Whether a statement begins a transaction that may write. */
export function beginsWriter(text: string): boolean {
  return BEGINS_WRITER.test(text);
}

/** What the transaction of a connection may do, by the statements that are sent. */
export class WriteRight {
  #isWriter = false;
  #isTaken = false;

  /** The transaction began as one that may write. */
  get isWriter(): boolean {
    return this.#isWriter;
  }

  /** It may write now: the right was not taken by `set transaction read only`, which holds until its savepoint ends. */
  get mayWrite(): boolean {
    return this.#isWriter && !this.#isTaken;
  }

  /** To be told of every statement. */
  sent(text: string): void {
    if (!CONTROLS.test(text)) {
      return;
    }
    if (beginsOrEnds(text)) {
      this.#isWriter = beginsWriter(text);
      this.#isTaken = false;
    } else {
      // What is left is SET, RELEASE and ROLLBACK TO: the latter two end a savepoint.
      this.#isTaken = TAKES_RIGHT.test(text) || (this.#isTaken && /^\s*set\b/i.test(text));
    }
  }
}
