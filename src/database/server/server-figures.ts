import { DatabaseError } from '#database/database-error.ts';
import type { ServerConnection } from './server-connection.ts';
import { measureDatabase, takeSnapshot } from './server-snapshot.ts';
import type { ServerSnapshot } from './server-snapshot.ts';

/** What is known of a server, and how well. Milliseconds. */
export interface ServerReport {
  /** Undefined when the last attempt to take one failed. */
  readonly snapshot: ServerSnapshot | undefined;
  /** Bytes, measured within the last minute or so; undefined when it could not be. */
  readonly databaseSize: number | undefined;
  /** Since the last snapshot that could be taken; undefined before the first. */
  readonly ageMs: number | undefined;
  /** How long the last attempt took, waiting and connecting included. */
  readonly tookMs: number;
  /** Attempts that have failed so far. */
  readonly failures: number;
}

/** So that scrapes by two Prometheis cost the server as much as those by one. */
const MAX_AGE_MS = 5000;
/** Measuring reads a directory, and what it tells changes slowly. */
const SIZE_MAX_AGE_MS = 60_000;

/** The figures of a server, asked for when somebody wants them and kept for five seconds, a failure as well. */
export class ServerFigures {
  readonly #server: ServerConnection;
  readonly #onFailure: (error: DatabaseError) => void;
  #taking: Promise<void> | undefined;
  #snapshot: ServerSnapshot | undefined;
  #databaseSize: number | undefined;
  #triedAt = -Infinity;
  #takenAt: number | undefined;
  #measuredAt = -Infinity;
  #tookMs = 0;
  #failures = 0;

  /** `onFailure` is told why a snapshot or the size could not be had, unless the connection was closed by its owner. */
  constructor(
    server: ServerConnection,
    onFailure: (error: DatabaseError) => void = () => undefined,
  ) {
    this.#server = server;
    this.#onFailure = onFailure;
  }

  /**
   * What is known now. Never rejects, and resolves within a second. However many ask, the server is asked once in five
   * seconds at most.
   */
  async report(): Promise<ServerReport> {
    const { clock } = this.#server;
    if (clock.now() - this.#triedAt >= MAX_AGE_MS) {
      this.#taking ??= this.#take().finally(() => {
        this.#taking = undefined;
      });
      await this.#taking;
    }
    return Object.freeze({
      snapshot: this.#snapshot,
      databaseSize: this.#databaseSize,
      ageMs: this.#takenAt === undefined ? undefined : clock.now() - this.#takenAt,
      tookMs: this.#tookMs,
      failures: this.#failures,
    });
  }

  async #take(): Promise<void> {
    const { clock } = this.#server;
    const startedAt = clock.now();
    try {
      this.#snapshot = await takeSnapshot(this.#server);
      this.#takenAt = clock.now();
    } catch (error) {
      this.#snapshot = undefined;
      this.#failures += 1;
      this.#failed(error);
    }
    this.#tookMs = clock.now() - startedAt;
    if (this.#snapshot !== undefined && startedAt - this.#measuredAt >= SIZE_MAX_AGE_MS) {
      this.#measuredAt = startedAt;
      this.#databaseSize = await measureDatabase(this.#server).catch((error: unknown) =>
        this.#failed(error),
      );
    }
    this.#triedAt = startedAt;
  }

  #failed(error: unknown): undefined {
    if (error instanceof DatabaseError && error.code !== 'DB_CLOSED') {
      this.#onFailure(error);
    }
  }
}
