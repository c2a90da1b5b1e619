import { DatabaseError } from '#database/database-error.ts';
import { systemClock } from './clock.ts';
import type { Clock, Timer } from './clock.ts';

/** What a gate works with; all of it has a default. */
export interface ConnectGateParts {
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Told of every attempt that failed. */
  readonly onFailure?: (error: DatabaseError) => void;
}

interface BackOff {
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * A server that is away for 10 s costs at most 20 attempts, and is found within 1 s of its return (reliability F8):
 * 0, 0.2, 0.6 and then every 0.65 s make 17. A wrong password gets at most 30 attempts a minute (F9), since a server may
 * lock the role; a server that is full does not empty within milliseconds (F23).
 */
const BACK_OFF: BackOff = { firstMs: 200, lastMs: 650 };
const BACK_OFF_REFUSED_LOGIN: BackOff = { firstMs: 3000, lastMs: 6000 };
const BACK_OFF_FULL: BackOff = { firstMs: 1000, lastMs: 4000 };
const JITTER = 0.15;

/**
 * Stands before every attempt to connect to one server, whoever makes it. Open, it lets all through. After a failure it
 * is closed for a while, longer each time, and then lets one attempt through at a time until one succeeds.
 */
export class ConnectGate {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onFailure: (error: DatabaseError) => void;
  readonly #listeners = new Set<() => void>();
  #state: 'open' | 'half-open' | 'closed' = 'open';
  #cause: DatabaseError | undefined;
  #failures = 0;
  /** The pause is for a server that was full. */
  #isPausedForRoom = false;
  #lastClosedAt = -Infinity;
  #inFlight = 0;
  #timer: Timer | undefined;

  constructor({
    clock = systemClock,
    random = Math.random,
    onFailure = () => undefined,
  }: ConnectGateParts = {}) {
    this.#clock = clock;
    this.#random = random;
    this.#onFailure = onFailure;
  }

  /** Whether an attempt would be let through now. */
  get mayTry(): boolean {
    return this.#state === 'open' || (this.#state === 'half-open' && this.#inFlight === 0);
  }

  /** Why the last attempt failed; undefined once one has succeeded since. */
  get cause(): DatabaseError | undefined {
    return this.#cause;
  }

  /** Told whenever the gate opens, half-opens or closes. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Makes an attempt. One that cannot wait its turn, such as the probe's, is kept back by a closed gate alone.
   *
   * @throws what `open` throws; at once the cause, when the gate lets nobody through
   */
  async attempt<T>(open: () => Promise<T>, isUrgent = false): Promise<T> {
    if (isUrgent ? this.#state === 'closed' : !this.mayTry) {
      throw this.#cause ?? new DatabaseError('DB_UNAVAILABLE', 'another attempt is under way');
    }
    const startedAt = this.#clock.now();
    this.#inFlight += 1;
    let result: T;
    try {
      result = await open();
    } catch (error) {
      this.#inFlight -= 1;
      if (error instanceof DatabaseError && error.code !== 'DB_CLOSED') {
        this.#failed(error, startedAt);
      }
      if (this.#state === 'half-open') {
        this.#tell();
      }
      throw error;
    }
    this.#inFlight -= 1;
    this.#succeeded();
    return result;
  }

  /** A connection was lost: until an attempt succeeds, they are made one at a time. */
  suspect(): void {
    if (this.#state === 'open') {
      this.#state = 'half-open';
    }
  }

  /** A connection to the server was closed: if it was full it has room again, and its pause is over. */
  roomMade(): void {
    if (this.#state === 'closed' && this.#isPausedForRoom) {
      this.#timer?.stop();
      this.#state = 'half-open';
      this.#tell();
    }
  }

  /** Stops the clock of a gate that nobody uses any more. */
  close(): void {
    this.#timer?.stop();
    this.#listeners.clear();
  }

  #failed(error: DatabaseError, startedAt: number): void {
    this.#cause = error;
    this.#onFailure(error);
    // Attempts that were under way together fail together: that is one failure.
    if (this.#state === 'closed' || startedAt < this.#lastClosedAt) {
      return;
    }
    const { firstMs, lastMs } = backOffAfter(error);
    const delayMs = Math.min(firstMs * 2 ** this.#failures, lastMs);
    this.#failures += 1;
    this.#isPausedForRoom = error.code === 'DB_TOO_MANY_CONNECTIONS';
    this.#state = 'closed';
    this.#lastClosedAt = this.#clock.now();
    this.#timer = this.#clock.start(
      () => {
        this.#state = 'half-open';
        this.#tell();
      },
      delayMs * (1 - JITTER + 2 * JITTER * this.#random()),
      true,
    );
    this.#tell();
  }

  #succeeded(): void {
    const wasOpen = this.#state === 'open';
    this.#timer?.stop();
    this.#state = 'open';
    this.#cause = undefined;
    this.#failures = 0;
    this.#lastClosedAt = -Infinity;
    if (!wasOpen) {
      this.#tell();
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

function backOffAfter({ code, details }: DatabaseError): BackOff {
  if (code === 'DB_TOO_MANY_CONNECTIONS') {
    return BACK_OFF_FULL;
  }
  // A password that could not even be read has bothered no server.
  return code === 'DB_AUTH_FAILED' && details.sqlState !== undefined
    ? BACK_OFF_REFUSED_LOGIN
    : BACK_OFF;
}
