/** Repeats a step in several lanes at once until it is told to stop. */
export class Load {
  readonly #lanes: Promise<void>[];
  #isStopped = false;

  /** A lane whose step resolves to false ends early. */
  constructor(lanes: number, step: (lane: number) => Promise<boolean>) {
    this.#lanes = Array.from({ length: lanes }, (_, lane) => this.#run(lane, step));
    // Told by `stop`.
    for (const lane of this.#lanes) lane.catch(() => undefined);
  }

  /** Lets every lane finish its step; rejects with what a step threw. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.ended();
  }

  /** Resolves when every lane has ended by itself. */
  async ended(): Promise<void> {
    await Promise.all(this.#lanes);
  }

  async #run(lane: number, step: (lane: number) => Promise<boolean>): Promise<void> {
    while (!this.#isStopped && (await step(lane)));
  }
}
