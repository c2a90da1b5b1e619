/** One session: who it belongs to, what it has open, and whether it is over. */
export class SessionState {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly startedAt = performance.now();
  /** Streams that are being read. */
  readonly streams = new Set<AsyncIterator<unknown>>();
  #isEnded = false;

  constructor(name: string, isReadOnly: boolean) {
    this.name = name;
    this.isReadOnly = isReadOnly;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  end(): void {
    this.#isEnded = true;
  }

  /** Gives up streams that were not read to their end: each holds a connection. */
  async closeStreams(): Promise<void> {
    const left = [...this.streams];
    this.streams.clear();
    for (const stream of left) {
      await stream.return?.();
    }
  }
}
