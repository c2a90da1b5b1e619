import type { CancelOutcome } from './cancel-request.ts';
import type { Clock } from './clock.ts';
import type { Lease } from './lease.ts';
import type { PooledConnection } from './pooled-connection.ts';

/** Who cancels. */
export interface CancelOwner {
  readonly clock: Clock;
  /** Asks the server to end what the connection runs. */
  readonly cancel: (
    lease: Lease<PooledConnection>,
    isWanted: () => boolean,
  ) => Promise<CancelOutcome | 'skipped'>;
  /** A statement was asked to end; told once, however often it was asked. */
  readonly cancelled: (lease: Lease<PooledConnection>) => void;
}

/**
 * The server forgets a cancel that reaches it before the statement does: while that runs, it is asked again, after this
 * and then after twice as long each time.
 */
const AGAIN_MS = 100;

/** Cancels what one lease runs, once its holder has gone away. */
export class LeaseCancel {
  readonly #lease: Lease<PooledConnection>;
  readonly #owner: CancelOwner;
  #pending: Promise<void> | undefined;
  #isSent = false;
  #isTold = false;
  #isDoubtful = false;
  #repeats = 0;
  /** Statements under way that a cancel may hit. */
  #running = 0;

  constructor(lease: Lease<PooledConnection>, owner: CancelOwner) {
    this.#lease = lease;
    this.#owner = owner;
  }

  /** Until it has settled, what is sent may be hit by a cancel that was meant for what came before. Never rejects. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  get isSent(): boolean {
    return this.#isSent;
  }

  /** Nobody knows when a cancel that was sent arrives: the connection is of no use to others. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** A statement begins that may be cancelled. */
  began(): void {
    this.#running += 1;
  }

  /** It has ended. */
  ended(): void {
    this.#running -= 1;
  }

  /** Asks the server to end what runs, again and again while it does. */
  abort(): void {
    if (this.#running === 0 || this.#pending !== undefined) {
      return;
    }
    const isWanted = () => this.#running > 0 && !this.#lease.isOver;
    this.#pending = this.#owner
      .cancel(this.#lease, () => {
        const wanted = isWanted();
        this.#isSent ||= wanted;
        return wanted;
      })
      .then((outcome) => this.#settled(outcome, isWanted()));
  }

  #settled(outcome: CancelOutcome | 'skipped', isRunning: boolean): void {
    this.#pending = undefined;
    this.#isDoubtful ||= outcome === 'unknown';
    if ((outcome === 'confirmed' || outcome === 'unknown') && !this.#isTold) {
      this.#isTold = true;
      this.#owner.cancelled(this.#lease);
    }
    if (isRunning) {
      this.#owner.clock.start(() => this.abort(), AGAIN_MS * 2 ** this.#repeats, true);
      this.#repeats += 1;
    }
  }
}
