import type { ReclaimReason } from '#database/database-observer.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { PhysicalConnection } from '#database/pool/physical-connection.ts';
import type { FakeClock } from './fake-clock.ts';

/** What the server does with what it is sent: answers after some milliseconds, refuses after some, or is silent. */
export type Answer = readonly ['ok' | 'fails', number] | 'silent';

/** How the server treats its connections; read anew for everything that is sent. */
export interface ServerManners {
  ping: Answer;
  reset: Answer;
  close: Answer;
}

/** What a connection tells the server that made it. */
export interface FakeConnectionParts {
  readonly pid: number;
  readonly era: number;
  readonly clock: FakeClock;
  readonly manners: ServerManners;
  readonly onBroken: (connection: FakeConnection, reason: ReclaimReason) => void;
  /** Told of every use that only its holder may make, or the pool while there is none. */
  readonly onSent: (connection: FakeConnection, what: 'ping' | 'reset') => void;
}

/** A connection without a network: the test says what the server answers and when the connection dies. */
export class FakeConnection implements PhysicalConnection {
  readonly pid: number;
  readonly prepared = 0;
  /** Of the server, when the attempt began. */
  readonly era: number;
  /** Of the server session, as its holder left it. */
  transaction: 'I' | 'T' | 'E' = 'I';
  isBusy = false;
  isSessionChanged = false;
  /** The server still counts it. */
  isOpen = true;
  /** When its socket was closed. */
  closedAt = Infinity;
  /** The pool has said that it wants no more of it. */
  isGivenUp = false;
  /** Its driver has something against it, and has told nobody yet. */
  isDoubtful = false;
  /** Under way. */
  sent: 'ping' | 'reset' | undefined;
  pings = 0;
  /** When the answer to the last ping was there to be read. */
  pingAnsweredAt = Infinity;
  /** When it was last known to work: opened, returned, pinged, reset. */
  provenAt: number;
  /** How it died by itself. */
  diedOf: ReclaimReason | undefined;
  readonly openedAt: number;
  readonly #parts: FakeConnectionParts;
  readonly #lost = new Set<(error: DatabaseError) => void>();
  readonly #closed = Promise.withResolvers<void>();

  constructor(parts: FakeConnectionParts) {
    this.#parts = parts;
    this.pid = parts.pid;
    this.era = parts.era;
    this.openedAt = parts.clock.now();
    this.provenAt = this.openedAt;
  }

  get isAlive(): boolean {
    return this.isOpen && !this.isGivenUp && !this.isDoubtful;
  }

  get needsReset(): boolean {
    return this.isSessionChanged;
  }

  get isQuiet(): boolean {
    return this.isAlive && !this.isBusy && this.transaction === 'I';
  }

  async ping(): Promise<void> {
    this.pings += 1;
    const { clock, manners } = this.#parts;
    const { ping } = manners;
    this.pingAnsweredAt = ping !== 'silent' && ping[0] === 'ok' ? clock.now() + ping[1] : Infinity;
    await this.#send('ping', ping);
    this.provenAt = this.#parts.clock.now();
  }

  async reset(): Promise<void> {
    await this.#send('reset', this.#parts.manners.reset);
    this.isSessionChanged = false;
    this.provenAt = this.#parts.clock.now();
  }

  close(deadlineMs: number): Promise<void> {
    this.isGivenUp = true;
    const { clock, manners } = this.#parts;
    const afterMs =
      manners.close === 'silent' ? deadlineMs : Math.min(manners.close[1], deadlineMs);
    clock.arrive(() => this.#end(), afterMs);
    return this.#closed.promise;
  }

  destroy(): Promise<void> {
    this.isGivenUp = true;
    this.#parts.clock.arrive(() => this.#end(), 0);
    return this.#closed.promise;
  }

  /** The connection dies by itself. */
  break(reason: ReclaimReason = 'error'): void {
    if (this.isOpen) {
      this.diedOf = reason;
      this.#end();
      this.#parts.onBroken(this, reason);
    }
  }

  #end(): void {
    if (!this.isOpen) {
      return;
    }
    this.isOpen = false;
    this.closedAt = this.#parts.clock.now();
    this.sent = undefined;
    for (const reject of this.#lost) {
      reject(new DatabaseError('DB_CONNECTION_LOST', 'the connection was lost'));
    }
    this.#closed.resolve();
  }

  async #send(what: 'ping' | 'reset', answer: Answer): Promise<void> {
    this.#parts.onSent(this, what);
    if (!this.isAlive) {
      throw new DatabaseError('DB_CONNECTION_LOST', 'the connection was lost before');
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#lost.add(reject);
    this.sent = what;
    if (answer !== 'silent') {
      const [how, afterMs] = answer;
      const answered =
        how === 'ok'
          ? resolve
          : () => reject(new DatabaseError('DB_CONNECTION_LOST', `the ${what} was refused`));
      this.#parts.clock.arrive(() => {
        this.sent = undefined;
        answered();
      }, afterMs);
    }
    try {
      await promise;
    } finally {
      this.#lost.delete(reject);
    }
  }
}
