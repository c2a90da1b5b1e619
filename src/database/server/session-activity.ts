import { DatabaseError } from '#database/database-error.ts';
import { mapDatabaseError } from '#database/map-database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { systemClock } from '#database/pool/clock.ts';
import type { Clock, Timer } from '#database/pool/clock.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';

/** What the server says of one of its sessions. Milliseconds. */
export interface ServerSession {
  /** As in `pg_stat_activity`: `active`, `idle in transaction`, … Undefined for a session of somebody else. */
  readonly state: string | undefined;
  readonly waitEventType: string | undefined;
  readonly waitEvent: string | undefined;
  /** Process ids of the sessions whose locks it waits for. */
  readonly blockedBy: readonly number[];
  /** Since its statement began; undefined when none runs. */
  readonly queryMs: number | undefined;
  /** Since its transaction began; undefined outside of one. */
  readonly transactionMs: number | undefined;
}

/** What became of a question to the server. */
export type ActivityReport =
  | { readonly answer: 'given'; readonly sessions: ReadonlyMap<number, ServerSession> }
  | { readonly answer: 'failed'; readonly error: DatabaseError }
  /** There was nothing to ask about, or nobody to ask. */
  | { readonly answer: 'not asked' };

/** Which server is asked, and as whom. */
export interface SessionActivityOptions {
  readonly connection: DatabaseConnection;
  readonly poolName: string;
  /** Lets attempts to connect through, as those of the pool. */
  readonly gate: { attempt<T>(open: () => Promise<T>): Promise<T> };
  readonly clock?: Clock;
}

/** A page that people wait for answers within a second, whatever hangs: half of it is the server's. */
const DEADLINE_MS = 500;
/** Long enough for a page that asks every few seconds, short enough to cost a server nothing that nobody looks at. */
const IDLE_MS = 10_000;
const CLOSE_DEADLINE_MS = 500;

// Asking who blocks a session stops the server's lock manager for a moment: only those that wait for a lock are worth it.
const ACTIVITY = `select pid, state, wait_event_type as "waitEventType", wait_event as "waitEvent",
  case when wait_event_type = 'Lock' then array_to_json(pg_blocking_pids(pid))::text else '[]' end as "blockedBy",
  case when state = 'active' then round(extract(epoch from clock_timestamp() - query_start) * 1000)::text end as "queryMs",
  round(extract(epoch from clock_timestamp() - xact_start) * 1000)::text as "transactionMs"
  from pg_catalog.pg_stat_activity where pid = any($1::int[])`;

interface ActivityRow {
  readonly pid: number;
  readonly state: string | null;
  readonly waitEventType: string | null;
  readonly waitEvent: string | null;
  readonly blockedBy: string;
  readonly queryMs: string | null;
  readonly transactionMs: string | null;
}

/**
 * Asks the server about its sessions over one connection of its own, never through the pool, so that an exhausted pool
 * can be looked at. The connection is opened by the first question and closed when nobody has asked for 10 s.
 */
export class SessionActivity {
  readonly #options: SessionActivityOptions;
  readonly #clock: Clock;
  #connection: PooledConnection | undefined;
  /** Of the last connection that was closed. */
  #ending: Promise<void> | undefined;
  #asking: Promise<ActivityReport> | undefined;
  #idle: Timer | undefined;
  #isClosed = false;

  constructor(options: SessionActivityOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * The sessions with these process ids, those that the server has. Never rejects, and resolves within half a second. A
   * question asked while another one is under way gets the answer of that one.
   */
  async of(pids: readonly number[]): Promise<ActivityReport> {
    if (pids.length === 0 || this.#isClosed) {
      return { answer: 'not asked' };
    }
    this.#asking ??= this.#ask(pids).finally(() => {
      this.#asking = undefined;
    });
    return await this.#asking;
  }

  /** Ends a question that is under way and closes the connection. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#asking;
    this.#idle?.stop();
    this.#disconnect((connection) => connection.close(CLOSE_DEADLINE_MS));
    await this.#ending;
  }

  async #ask(pids: readonly number[]): Promise<ActivityReport> {
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
    const deadline = this.#clock.start(() => this.#clock.afterIo(expire), DEADLINE_MS);
    this.#idle?.stop();
    try {
      const sessions = await Promise.race([this.#read(pids, over.signal), late.promise]);
      this.#idle = this.#clock.start(
        () => this.#disconnect((connection) => connection.close(CLOSE_DEADLINE_MS)),
        IDLE_MS,
        true,
      );
      return { answer: 'given', sessions };
    } catch (error) {
      this.#disconnect((connection) => connection.destroy());
      const bug = 'bug: the server could not be asked';
      return {
        answer: 'failed',
        error:
          mapDatabaseError(error) ?? new DatabaseError('DB_UNAVAILABLE', bug, {}, { cause: error }),
      };
    } finally {
      deadline.stop();
    }
  }

  async #read(
    pids: readonly number[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, ServerSession>> {
    const connection = this.#connection?.isAlive ? this.#connection : await this.#connect(signal);
    const { rows } = await connection.client.query<ActivityRow>(ACTIVITY, [pids]);
    return new Map(rows.map((row) => [row.pid, sessionOf(row)]));
  }

  async #connect(signal: AbortSignal): Promise<PooledConnection> {
    // There is never a second connection: the first one goes before.
    await this.#ending;
    const connection = await this.#options.gate.attempt(() => this.#open(signal));
    this.#connection = connection;
    if (signal.aborted) {
      // Opened at the very moment at which it was given up.
      this.#disconnect(() => connection.destroy());
      signal.throwIfAborted();
    }
    return connection;
  }

  #open(signal: AbortSignal): Promise<PooledConnection> {
    const { connection, poolName } = this.#options;
    return PooledConnection.open(
      {
        connection,
        applicationName: `tidegauge/${poolName}/figures`,
        connectTimeoutMs: 2 * DEADLINE_MS,
        sessionSettings: { statement_timeout: String(DEADLINE_MS) },
      },
      // Whether it lives is looked at before it is used.
      { onBroken: () => undefined, signal },
    );
  }

  #disconnect(end: (connection: PooledConnection) => Promise<void>): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) this.#ending = end(connection);
  }
}

function sessionOf(row: ActivityRow): ServerSession {
  const { state, waitEventType, waitEvent, blockedBy, queryMs, transactionMs } = row;
  const pids: unknown = JSON.parse(blockedBy);
  return {
    state: state ?? undefined,
    waitEventType: waitEventType ?? undefined,
    waitEvent: waitEvent ?? undefined,
    blockedBy: Array.isArray(pids) ? pids.map(Number) : [],
    queryMs: queryMs === null ? undefined : Number(queryMs),
    transactionMs: transactionMs === null ? undefined : Number(transactionMs),
  };
}
