import type { Holder } from './holder.ts';

/** What a lease is made of. */
export interface LeaseParts<C> {
  readonly connection: C;
  readonly holder: Holder;
  /** Milliseconds of the pool's clock. */
  readonly since: number;
  /** The pool's generation to which the connection belongs. */
  readonly generation: number;
  /** Called once, by the first `release`. */
  readonly onRelease: (lease: Lease<C>, mustDestroy: boolean) => void;
}

/** The right to use one connection until it is released, or taken back because the connection died. */
export class Lease<C> {
  readonly connection: C;
  readonly holder: Holder;
  readonly since: number;
  readonly generation: number;
  readonly #onRelease: LeaseParts<C>['onRelease'];
  #isOver = false;
  #isLeaked = false;

  constructor({ connection, holder, since, generation, onRelease }: LeaseParts<C>) {
    this.connection = connection;
    this.holder = holder;
    this.since = since;
    this.generation = generation;
    this.#onRelease = onRelease;
  }

  /** Returned or taken back: the connection is somebody else's, or gone. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** It has been reported as held for too long. */
  get isLeaked(): boolean {
    return this.#isLeaked;
  }

  /** Gives the connection back, once; later calls, and those after it was taken back, do nothing. */
  release(mustDestroy = false): void {
    if (this.revoke()) {
      this.#onRelease(this, mustDestroy);
    }
  }

  /** For the pool: ends the lease without its holder. False when it was over already. */
  revoke(): boolean {
    const wasHeld = !this.#isOver;
    this.#isOver = true;
    return wasHeld;
  }

  /** For the pool: it was reported as held for too long. */
  markLeaked(): void {
    this.#isLeaked = true;
  }
}
