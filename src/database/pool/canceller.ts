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

/** Sends cancels in the order they are asked for, a few at a time. Its queue holds statements that still run, only. */
export class Canceller<T> {
  readonly #parts: CancellerParts<T>;
  #queue: Entry<T>[] = [];
  #underWay = 0;

  constructor(parts: CancellerParts<T>) {
    this.#parts = parts;
  }

  /**
   * Resolves with what became of the cancel, or `skipped` when its statement had ended before its turn came. Never
   * rejects. `isStillWanted` is asked whenever the queue moves: it must be cheap.
   */
  cancel(isStillWanted: () => boolean, target: T): Promise<CancelOutcome | 'skipped'> {
    const { promise, resolve } = Promise.withResolvers<CancelOutcome | 'skipped'>();
    this.#queue.push({ isStillWanted, target, settle: resolve });
    this.#advance();
    return promise;
  }

  #advance(): void {
    this.#dropEnded();
    while (this.#underWay < this.#parts.limit) {
      const next = this.#queue.shift();
      if (next === undefined) {
        return;
      }
      this.#underWay += 1;
      void this.#send(next);
    }
  }

  #dropEnded(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const entry of queue) {
      if (entry.isStillWanted()) {
        this.#queue.push(entry);
      } else {
        entry.settle('skipped');
      }
    }
  }

  async #send({ target, settle }: Entry<T>): Promise<void> {
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
