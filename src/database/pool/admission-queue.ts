import type { AcquireOutcome } from '#database/database-observer.ts';
import type { Clock } from './clock.ts';
import type { Holder } from './holder.ts';

/** One borrower who waits. */
export interface Waiter<L> {
  readonly holder: Holder;
  /** Milliseconds of the clock. */
  readonly since: number;
  /** The first settles the borrower; later calls do nothing. */
  serve(lease: L, outcome: AcquireOutcome): void;
  refuse(error: unknown, outcome: AcquireOutcome): void;
}

/** What the queue asks of its pool. */
export interface QueueRules<L> {
  readonly clock: Clock;
  /** Milliseconds each borrower waits at most that has no deadline of its own. */
  readonly deadlineMs: number;
  /** Makes the error of a borrower who has waited too long. */
  readonly expired: (waiter: Waiter<L>) => unknown;
  /** Told of each borrower once, when it is served or refused. */
  readonly settled: (waiter: Waiter<L>, outcome: AcquireOutcome) => void;
}

/** A waiter and its neighbours in the queue. */
interface Place<L> {
  readonly waiter: Waiter<L>;
  before: Place<L> | undefined;
  after: Place<L> | undefined;
}

/**
 * Borrowers in the order in which they came, each with a deadline of its own. To join, to leave and to look who is first
 * cost the same however many there are: 20,000 that expire together must not stop the event loop.
 */
export class AdmissionQueue<L> {
  readonly #rules: QueueRules<L>;
  // A list, since a set steps over those that were deleted at its front, again each time the first one is asked for.
  #first: Place<L> | undefined;
  #last: Place<L> | undefined;
  #size = 0;

  constructor(rules: QueueRules<L>) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#size;
  }

  /** Who has waited longest. */
  get first(): Waiter<L> | undefined {
    return this.#first?.waiter;
  }

  /** In the order in which they came. */
  *all(): Generator<Waiter<L>, void> {
    for (let place = this.#first; place !== undefined; place = place.after) {
      yield place.waiter;
    }
  }

  /**
   * Waits for a lease: resolves when served, rejects when refused, at the deadline, or with the reason of the holder's
   * signal. A deadline that has passed is looked at again after what the network brought in time has been handled.
   */
  wait(holder: Holder, deadlineMs = this.#rules.deadlineMs): Promise<L> {
    const { clock, expired, settled } = this.#rules;
    const { promise, resolve, reject } = Promise.withResolvers<L>();
    let isSettled = false;
    const settle = (outcome: AcquireOutcome): boolean => {
      if (isSettled) {
        return false;
      }
      isSettled = true;
      timer.stop();
      holder.signal?.removeEventListener('abort', onAbort);
      this.#leave(place);
      settled(waiter, outcome);
      return true;
    };
    const waiter: Waiter<L> = {
      holder,
      since: clock.now(),
      serve: (lease, outcome) => {
        if (settle(outcome)) {
          resolve(lease);
        }
      },
      refuse: (error, outcome) => {
        if (settle(outcome)) {
          reject(error);
        }
      },
    };
    const onAbort = () => waiter.refuse(holder.signal?.reason, 'error');
    const expire = () => {
      if (!isSettled) {
        waiter.refuse(expired(waiter), 'timeout');
      }
    };
    const place = this.#join(waiter);
    const timer = clock.start(() => clock.afterIo(expire), deadlineMs);
    holder.signal?.addEventListener('abort', onAbort, { once: true });
    return promise;
  }

  /** Refuses everybody who waits now. */
  refuseAll(error: () => unknown, outcome: AcquireOutcome): void {
    for (const waiter of this.all()) {
      waiter.refuse(error(), outcome);
    }
  }

  #join(waiter: Waiter<L>): Place<L> {
    const place: Place<L> = { waiter, before: this.#last, after: undefined };
    if (this.#last === undefined) {
      this.#first = place;
    } else {
      this.#last.after = place;
    }
    this.#last = place;
    this.#size += 1;
    return place;
  }

  #leave({ before, after }: Place<L>): void {
    if (before === undefined) {
      this.#first = after;
    } else {
      before.after = after;
    }
    if (after === undefined) {
      this.#last = before;
    } else {
      after.before = before;
    }
    this.#size -= 1;
  }
}
