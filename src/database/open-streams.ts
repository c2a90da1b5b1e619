import { DatabaseError } from './database-error.ts';

/**
 * Knows which transactions are being streamed from. A stream has its connection to itself: any other statement of the
 * transaction would wait behind it for ever, since it is the same work that reads the stream.
 */
export class OpenStreams {
  readonly #open = new WeakSet<object>();
  readonly #outermost = new WeakMap<object, object>();

  /** A savepoint is on the connection of the transaction around it. */
  nest(inner: object, outer: object | undefined): void {
    if (outer !== undefined) {
      this.#outermost.set(inner, this.#outermostOf(outer));
    }
  }

  /** A stream begins; call what is returned at its end. Outside a transaction a stream disturbs nobody. */
  started(transaction: object | undefined): () => void {
    if (transaction === undefined) {
      return () => undefined;
    }
    const outermost = this.#outermostOf(transaction);
    this.#open.add(outermost);
    return () => void this.#open.delete(outermost);
  }

  /**
   * Lets a statement pass.
   *
   * @throws DatabaseError `DB_QUERY_FAILED` while a stream of the same transaction is open
   */
  assertNone(transaction: object | undefined): void {
    if (transaction !== undefined && this.#open.has(this.#outermostOf(transaction))) {
      throw new DatabaseError(
        'DB_QUERY_FAILED',
        'a stream of this transaction is still being read: read it to its end first, or stream in a session of its own',
      );
    }
  }

  #outermostOf(transaction: object): object {
    return this.#outermost.get(transaction) ?? transaction;
  }
}
