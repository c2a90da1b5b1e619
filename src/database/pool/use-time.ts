/**
 * How much a pool has been used since it was made, exact between any two looks: the integral of the leased connections
 * over time, and the time in which all there may be were leased.
 */
export class UseTime {
  readonly #now: () => number;
  readonly #max: number;
  #used = 0;
  #since: number;
  #usedMs = 0;
  #exhaustedMs = 0;

  constructor(now: () => number, max: number) {
    this.#now = now;
    this.#max = max;
    this.#since = now();
  }

  /** Call whenever the number of leased connections has changed. */
  changed(used: number): void {
    const now = this.#now();
    const passedMs = now - this.#since;
    this.#usedMs += this.#used * passedMs;
    this.#exhaustedMs += this.#used >= this.#max ? passedMs : 0;
    this.#since = now;
    this.#used = used;
  }

  /** Up to this moment. */
  read(): { readonly usedSeconds: number; readonly exhaustedSeconds: number } {
    this.changed(this.#used);
    return { usedSeconds: this.#usedMs / 1000, exhaustedSeconds: this.#exhaustedMs / 1000 };
  }
}
