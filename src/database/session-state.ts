/** One session: who it belongs to and whether it is over. */
export class SessionState {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly startedAt = performance.now();
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
}
