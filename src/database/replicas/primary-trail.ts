interface Sample {
  readonly at: number;
  readonly position: bigint;
}

/** At a look a second, ten minutes: a replica that is further behind is as far behind as that. */
const MAX_SAMPLES = 600;

/**
 * Where the primary was in its write-ahead log, and when: how far behind a replica is can be told from that whatever the
 * replica itself knows, one that is cut off above all. Milliseconds of a steady clock.
 */
export class PrimaryTrail {
  readonly #samples: Sample[] = [];

  /** The primary was there. One that is further back than before is another one: what was known is forgotten. */
  note(position: bigint, at: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && position <= last.position) {
      if (position === last.position) {
        return;
      }
      this.#samples.length = 0;
    }
    this.#samples.push({ at, position });
    if (this.#samples.length > MAX_SAMPLES) {
      this.#samples.shift();
    }
  }

  /** For how long at least a server that has replayed up to there has missed something; 0 when nothing is known to be missing. */
  missingMs(replayed: bigint, now: number): number {
    const missing = this.#samples.find(({ position }) => position > replayed);
    return missing === undefined ? 0 : now - missing.at;
  }
}
