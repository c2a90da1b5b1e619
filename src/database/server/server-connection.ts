import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { asDatabaseError } from '#database/map-database-error.ts';
import { systemClock } from '#database/pool/clock.ts';
import type { Clock, Timer } from '#database/pool/clock.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';

/** Which server is asked, and as whom. */
export interface ServerConnectionOptions {
  readonly connection: DatabaseConnection;
  readonly poolName: string;
  /** Lets attempts to connect through, as those of the pool. */
  readonly gate: { attempt<T>(open: () => Promise<T>): Promise<T> };
  readonly clock?: Clock;
}

/** A page that people wait for answers within a second, whatever hangs: half of it is the server's. */
const DEADLINE_MS = 500;
/** Ends a statement that is merely slow before its connection is given up, so that it leaves no session behind. */
const STATEMENT_TIMEOUT_MS = 400;
const SESSION_SETTINGS = {
  statement_timeout: String(STATEMENT_TIMEOUT_MS),
  search_path: 'pg_catalog',
};
/** Kept between the scrapes of a Prometheus; costs a server nothing that nobody looks at. */
const IDLE_MS = 60_000;
const CLOSE_DEADLINE_MS = 500;

/**
 * The one connection over which a server is asked about itself, never through the pool, so that an exhausted pool can be
 * looked at. It is opened by the first question and closed when nobody has asked for a minute. Names in a statement are
 * those of `pg_catalog`, whatever the role's search path.
 */
export class ServerConnection {
  readonly clock: Clock;
  readonly #options: ServerConnectionOptions;
  #connection: PooledConnection | undefined;
  /** Of the last connection that was closed. */
  #ending: Promise<void> | undefined;
  /** Resolves with the end of the last question, however it ends. */
  #lastQuestion: Promise<unknown> = Promise.resolve();
  #idle: Timer | undefined;
  #isClosed = false;

  constructor(options: ServerConnectionOptions) {
    this.#options = options;
    this.clock = options.clock ?? systemClock;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Asks one question; whoever asks while another one is under way waits for its turn. Settles within half a second.
   *
   * @throws DatabaseError when there is no answer by then; the next question is asked on a new connection
   */
  async ask<R extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<readonly R[]> {
    if (this.#isClosed) {
      throw new DatabaseError('DB_CLOSED', 'the connection to the server is closed');
    }
    const question = this.#ask<R>(this.#lastQuestion, text, values);
    this.#lastQuestion = question.catch(() => undefined);
    return await question;
  }

  /** Lets questions under way end, and closes the connection. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#lastQuestion;
    this.#idle?.stop();
    this.#disconnect((connection) => connection.close(CLOSE_DEADLINE_MS));
    await this.#ending;
  }

  async #ask<R extends pg.QueryResultRow>(
    turn: Promise<unknown>,
    text: string,
    values: readonly unknown[],
  ): Promise<readonly R[]> {
    const over = new AbortController();
    const late = Promise.withResolvers<never>();
    const expire = () => {
      const error = new DatabaseError(
        'DB_QUERY_TIMEOUT',
        `the server did not answer within ${DEADLINE_MS} ms`,
      );
      late.reject(error);
      over.abort(error);
    };
    const deadline = this.clock.start(() => this.clock.afterIo(expire), DEADLINE_MS);
    this.#idle?.stop();
    let hasTurn = false;
    const answer = async () => {
      await turn;
      over.signal.throwIfAborted();
      hasTurn = true;
      return await this.#read<R>(text, values, over.signal);
    };
    try {
      const rows = await Promise.race([answer(), late.promise]);
      this.#closeWhenIdle();
      return rows;
    } catch (error) {
      if (hasTurn) {
        this.#disconnect((connection) => connection.destroy());
      }
      throw asDatabaseError(error, 'bug: the server could not be asked');
    } finally {
      deadline.stop();
    }
  }

  async #read<R extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly R[]> {
    const connection = this.#connection?.isAlive ? this.#connection : await this.#connect(signal);
    const { rows } = await connection.client.query<R>(text, [...values]);
    return rows;
  }

  async #connect(signal: AbortSignal): Promise<PooledConnection> {
    // There is never a second connection: the first one goes before.
    await this.#ending;
    signal.throwIfAborted();
    const connection = await this.#options.gate.attempt(() => this.#open(signal));
    if (signal.aborted) {
      // Opened at the very moment at which it was given up.
      this.#ending = connection.destroy();
      signal.throwIfAborted();
    }
    this.#connection = connection;
    return connection;
  }

  #open(signal: AbortSignal): Promise<PooledConnection> {
    const { connection, poolName } = this.#options;
    return PooledConnection.open(
      {
        connection,
        applicationName: `tidegauge/${poolName}/figures`,
        connectTimeoutMs: 2 * DEADLINE_MS,
        sessionSettings: SESSION_SETTINGS,
        isPooled: false,
      },
      {
        // Whether it lives is looked at before it is used.
        onBroken: () => undefined,
        signal,
        // A pooler in between would have swallowed them.
        verify: (opened) => opened.verifySettings(SESSION_SETTINGS),
      },
    );
  }

  #closeWhenIdle(): void {
    this.#idle?.stop();
    this.#idle = this.clock.start(
      () => this.#disconnect((connection) => connection.close(CLOSE_DEADLINE_MS)),
      IDLE_MS,
      true,
    );
  }

  #disconnect(end: (connection: PooledConnection) => Promise<void>): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) this.#ending = end(connection);
  }
}
