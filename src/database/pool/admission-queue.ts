import type { AcquireOutcome } from '#database/database-observer.ts';
import type { Clock, Timer } from './clock.ts';
import type { Holder } from './holder.ts';

/** One borrower who waits. */
export interface Waiter<L> {
  readonly holder: Holder;
  /** Milliseconds of the clock. */
  readonly since: number;
  readonly isSettled: boolean;
  /** The first settles the borrower; later calls do nothing. */
  serve(lease: L, outcome: AcquireOutcome): void;
  refuse(error: unknown, outcome: AcquireOutcome): void;
}

/** What the queue asks of its pool. */
export interface QueueRules<L> {
  readonly clock: Clock;
  /** Milliseconds each borrower waits at most. */
  readonly deadlineMs: number;
  /** Makes the error of a borrower who has waited too long. */
  readonly expired: (waiter: Waiter<L>) => unknown;
  /** Told of each borrower once, when it is served or refused. */
  readonly settled: (waiter: Waiter<L>, outcome: AcquireOutcome) => void;
}

/**
 * Borrowers in the order in which they came, each with a deadline of its own. To leave costs the same wherever one
 * stands: 100,000 that expire together must not stop the event loop.
 */
export class AdmissionQueue<L> {
  readonly #rules: QueueRules<L>;
  // A set keeps the order of insertion and deletes in constant time.
  readonly #waiters = new Set<Waiter<L>>();

  constructor(rules: QueueRules<L>) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Who has waited longest. */
  get first(): Waiter<L> | undefined {
    const [first] = this.#waiters;
    return first;
  }

  /** In the order in which they came. */
  all(): Iterable<Waiter<L>> {
    return this.#waiters.values();
  }

  /**
   * Waits for a lease: resolves when served, rejects when refused, at the deadline, or with the reason of the holder's
   * signal. A deadline that has passed is looked at again after what the network brought in time has been handled.
   */
  wait(holder: Holder): Promise<L> {
    const { clock, deadlineMs, expired, settled } = this.#rules;
    const { promise, resolve, reject } = Promise.withResolvers<L>();
    let isSettled = false;
    let timer: Timer | undefined;
    const settle = (outcome: AcquireOutcome): boolean => {
      if (isSettled) {
        return false;
      }
      isSettled = true;
      timer?.stop();
      holder.signal?.removeEventListener('abort', onAbort);
      this.#waiters.delete(waiter);
      settled(waiter, outcome);
      return true;
    };
    const waiter: Waiter<L> = {
      holder,
      since: clock.now(),
      get isSettled() {
        return isSettled;
      },
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
    this.#waiters.add(waiter);
    timer = clock.start(() => clock.afterIo(expire), deadlineMs);
    holder.signal?.addEventListener('abort', onAbort, { once: true });
    return promise;
  }

  /** Refuses everybody who waits now. */
  refuseAll(error: () => unknown, outcome: AcquireOutcome): void {
    for (const waiter of this.#waiters) {
      waiter.refuse(error(), outcome);
    }
  }
}
