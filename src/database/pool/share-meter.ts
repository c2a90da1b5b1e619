import type { DatabaseShare } from '#database/work-scope.ts';

/** Adds the statements of one lease up in the share of the work that it was taken for. Milliseconds of any steady clock. */
export class ShareMeter {
  readonly #share: DatabaseShare;
  /** Statements under way, and the sum of the moments at which they began. */
  #running = 0;
  #beganSum = 0;
  /** Until then the time of what is under way has been added. */
  #addedUntil = -Infinity;

  constructor(share: DatabaseShare) {
    this.#share = share;
  }

  /** A statement begins, or, read by a cursor, a further part of one. */
  began(at: number, isFurtherPart: boolean): void {
    this.#share.operations += isFurtherPart ? 0 : 1;
    this.#running += 1;
    this.#beganSum += at;
  }

  /** What began then has ended. */
  ended(beganAt: number, at: number): void {
    this.#running -= 1;
    this.#beganSum -= beganAt;
    this.#share.queryMs += at - Math.max(beganAt, this.#addedUntil);
  }

  /** Adds what is under way up to now; call it once. */
  addRunning(now: number): void {
    this.#share.queryMs += this.#running * now - this.#beganSum;
    this.#addedUntil = now;
  }
}
