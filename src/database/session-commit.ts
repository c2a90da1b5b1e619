import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { DatabaseError } from './database-error.ts';

/** What identifies a transaction at the server after its connection is gone. */
export interface CommitReceipt {
  readonly transactionId: string;
  /** Where the write-ahead log was: all that the transaction had written is before it. */
  readonly walPosition: string;
  /** Where the server's last recovery ended; null when it was started without one. */
  readonly recoveryEnd: string | null;
}

/** Asks the server, on another connection than the one that was lost, for one row. */
export type AskServer = (
  text: string,
  values: readonly (string | null)[],
) => Promise<Readonly<Record<string, unknown>> | undefined>;

const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 200;

/** Asked in the transaction before its COMMIT; undefined when it has written nothing, and so has no number. */
export async function commitReceipt(em: EntityManager): Promise<CommitReceipt | undefined> {
  const [row] = await em.execute<(CommitReceipt | { readonly transactionId: null })[]>(
    `select pg_current_xact_id_if_assigned()::text as "transactionId",
       pg_current_wal_insert_lsn()::text as "walPosition",
       pg_last_wal_replay_lsn()::text as "recoveryEnd"`,
  );
  return row === undefined || row.transactionId === null ? undefined : row;
}

// A server that crashed, or a standby in its place, may have lost the end of the log and give the same numbers out
// again: a recovery since then that ended before our writes says that they never were.
const STATUS = `select case
    when pg_is_in_recovery() then 'in progress'
    when pg_last_wal_replay_lsn() is distinct from $3::text::pg_lsn
      and pg_last_wal_replay_lsn() < $2::text::pg_lsn then 'aborted'
    else pg_xact_status($1::text::xid8)
  end as status`;

/**
 * Finds out what became of a commit whose answer was lost, asking until the server knows. Resolves when it was
 * committed.
 *
 * @throws DatabaseError `DB_CONNECTION_LOST` when it was rolled back; `lost`, as it is, when there is no saying within
 * the deadline
 */
export async function confirmCommit(
  { transactionId, walPosition, recoveryEnd }: CommitReceipt,
  lost: DatabaseError,
  ask: AskServer,
  deadlineMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  let pauseMs = FIRST_PAUSE_MS;
  const over = delay(deadlineMs, undefined, { ref: false });
  while (performance.now() < giveUpAt) {
    const answer = ask(STATUS, [transactionId, walPosition, recoveryEnd]).catch(() => undefined);
    const row = await Promise.race([answer, over]);
    if (row?.['status'] === 'committed') {
      return;
    }
    if (row?.['status'] === 'aborted') {
      throw new DatabaseError(
        'DB_CONNECTION_LOST',
        'the connection was lost at the commit, and the server has rolled back',
        lost.details,
        { cause: lost.cause },
      );
    }
    await delay(pauseMs);
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
  }
  throw lost;
}
