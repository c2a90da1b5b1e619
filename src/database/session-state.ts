import type { Holder } from '#database/pool/holder.ts';
import type { Replica } from '#database/replicas/replica.ts';

/** What is said of a session when it begins. */
export interface SessionIdentity extends Holder {
  readonly isReadOnly: boolean;
  /** Where it reads; undefined: on the primary. */
  readonly replica?: Replica | undefined;
  /** In the primary's write-ahead log: what it must see. */
  readonly readAfter?: bigint | undefined;
}

/** One session: who it belongs to, what it has open, and whether it is over. */
export class SessionState {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly startedAt = performance.now();
  /** Streams that are being read. */
  readonly streams = new Set<AsyncIterator<unknown>>();
  /** Its work is one transaction, which nobody but the session itself may end. */
  isTransaction = false;
  /** Where it reads; undefined: on the primary, to which it falls back when it gets no connection. */
  replica: Replica | undefined;
  readonly readAfter: bigint | undefined;
  #holder: Holder;
  #isEnded = false;

  constructor({ isReadOnly, replica, readAfter, ...holder }: SessionIdentity) {
    this.name = holder.name;
    this.isReadOnly = isReadOnly;
    this.replica = replica;
    this.readAfter = readAfter;
    this.#holder = Object.freeze(holder);
  }

  /** Who borrows connections for it. */
  get holder(): Holder {
    return this.#holder;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** What is asked of the server on its account from now on, such as what became of its commit, nobody can abort. */
  end(): void {
    this.#isEnded = true;
    this.#holder = Object.freeze({ name: this.name, scope: this.#holder.scope });
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
