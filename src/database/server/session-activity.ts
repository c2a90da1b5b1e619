import { DatabaseError } from '#database/database-error.ts';
import type { ServerConnection } from './server-connection.ts';

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

/** Asks the server about its sessions. */
export class SessionActivity {
  readonly #server: ServerConnection;
  #asking: Promise<ActivityReport> | undefined;

  constructor(server: ServerConnection) {
    this.#server = server;
  }

  /**
   * The sessions with these process ids, those that the server has. Never rejects, and resolves within half a second. A
   * question asked while another one is under way gets the answer of that one.
   */
  async of(pids: readonly number[]): Promise<ActivityReport> {
    if (pids.length === 0 || this.#server.isClosed) {
      return { answer: 'not asked' };
    }
    this.#asking ??= this.#ask(pids).finally(() => {
      this.#asking = undefined;
    });
    return await this.#asking;
  }

  async #ask(pids: readonly number[]): Promise<ActivityReport> {
    try {
      const rows = await this.#server.ask<ActivityRow>(ACTIVITY, [pids]);
      return { answer: 'given', sessions: new Map(rows.map((row) => [row.pid, sessionOf(row)])) };
    } catch (error) {
      if (error instanceof DatabaseError) return { answer: 'failed', error };
      throw error;
    }
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
