import type { CancelOutcome } from './cancel-request.ts';

/** How cancels are sent, and how many at a time: each is a connection past the pool's bound. */
export interface CancellerParts<T> {
  readonly limit: number;
  readonly send: (target: T) => Promise<CancelOutcome>;
}

interface Entry<T> {
  readonly isStillWanted: () => boolean;
  readonly target: T;
  readonly settle: (outcome: CancelOutcome | 'skipped') => void;
}

/**
 * Sends cancels in the order they are asked for, a few at a time. A connection waits for its cancel before it goes on,
 * so that the queue is never longer than there are connections.
 */
export class Canceller<T> {
  readonly #parts: CancellerParts<T>;
  readonly #queue: Entry<T>[] = [];
  #underWay = 0;

  constructor(parts: CancellerParts<T>) {
    this.#parts = parts;
  }

  /**
   * Resolves with what became of the cancel, or with `skipped` when it was not wanted any more: that is asked once, when
   * its turn has come. Never rejects.
   */
  cancel(isStillWanted: () => boolean, target: T): Promise<CancelOutcome | 'skipped'> {
    const { promise, resolve } = Promise.withResolvers<CancelOutcome | 'skipped'>();
    this.#queue.push({ isStillWanted, target, settle: resolve });
    this.#advance();
    return promise;
  }

  #advance(): void {
    while (this.#underWay < this.#parts.limit) {
      const next = this.#queue.shift();
      if (next === undefined) {
        return;
      }
      if (next.isStillWanted()) {
        void this.#send(next);
      } else {
        next.settle('skipped');
      }
    }
  }

  async #send({ target, settle }: Entry<T>): Promise<void> {
    this.#underWay += 1;
    try {
      settle(await this.#parts.send(target));
    } catch {
      // Whatever was sent before it failed may still arrive.
      settle('unknown');
    } finally {
      this.#underWay -= 1;
      this.#advance();
    }
  }
}
