import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode, DatabaseErrorDetails } from '#database/database-error.ts';
import type { OpenConnection, OpenOptions } from '#database/pool/physical-connection.ts';
import type { FakeClock } from './fake-clock.ts';
import { FakeConnection } from './fake-connection.ts';
import type { ServerManners } from './fake-connection.ts';

/** What becomes of an attempt to connect: a connection or this error, after some milliseconds, or silence. */
export type Reception =
  | readonly ['ok', number]
  | readonly ['fails', number, DatabaseErrorCode]
  | 'silent';

/** What a server that refuses says; the other codes come from before it. */
const SQL_STATES: Partial<Record<DatabaseErrorCode, DatabaseErrorDetails>> = {
  DB_AUTH_FAILED: { sqlState: '28P01' },
  DB_TOO_MANY_CONNECTIONS: { sqlState: '53300' },
};

/** One attempt to connect. */
export interface Attempt {
  readonly startedAt: number;
  endedAt: number | undefined;
  error: DatabaseError | undefined;
  /** Ends it with this error, if it is still under way. */
  readonly fail: (code: DatabaseErrorCode) => void;
}

/** A server without a network, which keeps the accounts that a real one would: who connected when, and who is still there. */
export class FakeServer {
  readonly #clock: FakeClock;
  /** Every connection that was ever opened. */
  readonly connections: FakeConnection[] = [];
  readonly attempts: Attempt[] = [];
  readonly manners: ServerManners = { ping: ['ok', 0], reset: ['ok', 0], close: ['ok', 0] };
  reception: Reception = ['ok', 0];
  /** Connections it accepts at most. */
  limit = Infinity;
  /** A silent server's attempts are given up after this, as the contract of `open` demands. */
  connectTimeoutMs = 1000;
  /** Of the attempts that begin now; a test counts it up to tell older connections from younger ones. */
  era = 0;
  /** Connections and attempts at the same time, at most. */
  peak = 0;
  /** Told of what the pool sends over a connection, before it is sent. */
  readonly onSent: ((connection: FakeConnection, what: 'ping' | 'reset') => void)[] = [];
  /** Told of each attempt when it has begun. */
  readonly onAttempt: ((attempt: Attempt) => void)[] = [];
  /** Told of each attempt when it has ended, before the pool is. */
  readonly onAttemptEnd: ((attempt: Attempt) => void)[] = [];

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Attempts under way. */
  get opening(): number {
    return this.attempts.filter(({ endedAt }) => endedAt === undefined).length;
  }

  /** Connections whose socket is open. */
  get open(): readonly FakeConnection[] {
    return this.connections.filter(({ isOpen }) => isOpen);
  }

  readonly connect: OpenConnection<FakeConnection> = (options) => {
    const { promise, resolve, reject } = Promise.withResolvers<FakeConnection>();
    const end = (error?: DatabaseError): void => {
      if (attempt.endedAt === undefined) {
        attempt.endedAt = this.#clock.now();
        attempt.error = error;
        arrival.stop();
        options.signal.removeEventListener('abort', onAbort);
        tell(this.onAttemptEnd, attempt);
        if (error === undefined) {
          resolve(this.#welcome(options, era));
        } else {
          reject(error);
        }
      }
    };
    const fail = (code: DatabaseErrorCode) =>
      end(new DatabaseError(code, `${code} of the test`, SQL_STATES[code]));
    const onAbort = () => fail('DB_CLOSED');
    const attempt: Attempt = {
      startedAt: this.#clock.now(),
      endedAt: undefined,
      error: undefined,
      fail,
    };
    const { reception, era } = this;
    const arrival = this.#clock.arrive(
      () => {
        if (reception === 'silent') {
          fail('DB_CONNECT_TIMEOUT');
        } else if (reception[0] === 'fails') {
          fail(reception[2]);
        } else if (this.open.length >= this.limit) {
          fail('DB_TOO_MANY_CONNECTIONS');
        } else {
          end();
        }
      },
      reception === 'silent' ? this.connectTimeoutMs : reception[1],
    );
    this.attempts.push(attempt);
    tell(this.onAttempt, attempt);
    this.peak = Math.max(this.peak, this.open.length + this.opening);
    options.signal.addEventListener('abort', onAbort, { once: true });
    if (options.signal.aborted) {
      onAbort();
    }
    return promise;
  };

  #welcome({ onBroken }: OpenOptions<FakeConnection>, era: number): FakeConnection {
    const connection = new FakeConnection({
      pid: this.connections.length + 1,
      era,
      clock: this.#clock,
      manners: this.manners,
      onBroken,
      onSent: (sender, what) => {
        for (const listener of this.onSent) {
          listener(sender, what);
        }
      },
    });
    this.connections.push(connection);
    return connection;
  }
}

function tell<E>(listeners: readonly ((event: E) => void)[], event: E): void {
  for (const listener of listeners) {
    listener(event);
  }
}
