import type { PostgresCursor } from 'kysely';
import type { Submittable } from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import type { PooledConnection } from './pooled-connection.ts';

/** Why a statement failed. */
export type Failure = Pick<DatabaseError, 'code' | 'details'>;

/** What a cursor asks of the lease that it reads on. */
export interface CursorOwner {
  readonly connection: PooledConnection;
  /** Runs a part of its statement; tells how long that took in milliseconds. */
  readonly guarded: <T>(
    work: () => Promise<T>,
    tell: (durationMs: number, failure: Failure | undefined) => void,
    isFurtherPart: boolean,
  ) => Promise<T>;
  /** Gives the connection up under work that the server has not answered in time. */
  readonly watched: <T>(work: () => Promise<T>) => Promise<T>;
  /** It needs a transaction of its own, which `beginAlone` begins. */
  readonly isUnlimited: () => boolean;
  readonly beginAlone: () => Promise<void>;
  /** Its statement is over, after so many milliseconds of reading. */
  readonly ended: (durationMs: number, failure: Failure | undefined) => void;
}

/** A cursor whose errors are DatabaseErrors, and that closes even when it failed or its connection is gone. */
export function leasedCursor<R>(
  statement: PostgresCursor<R>,
  { connection, guarded, watched, isUnlimited, beginAlone, ended }: CursorOwner,
): PostgresCursor<R> {
  let cursor: PostgresCursor<R> | undefined;
  let isAlone = false;
  let isFailed = false;
  let isTold = false;
  let totalMs = 0;
  const tell = (failure?: Failure) => {
    if (!isTold) {
      isTold = true;
      ended(totalMs, failure);
    }
  };
  const read = async (count: number) => {
    try {
      if (cursor === undefined && isUnlimited()) {
        isAlone = true;
        await beginAlone();
      }
      // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter: kysely declares a cursor by what it reads, pg by what it submits.
      cursor ??= connection.client.query(statement as PostgresCursor<R> & Submittable);
      // pg-cursor takes itself for done once the rows are counted, and deaf to what becomes of the connection.
      const rows = await connection.unlessLost(cursor.read(count));
      if (rows === undefined) {
        throw new DatabaseError('DB_CONNECTION_LOST', 'the connection to the server was lost');
      }
      return rows;
    } catch (error) {
      isFailed = true;
      await connection.settled();
      throw error;
    }
  };
  return {
    read: async (count) => {
      try {
        return await guarded(
          () => read(count),
          (durationMs, failure) => {
            totalMs += durationMs;
            if (failure !== undefined) {
              tell(failure);
            }
          },
          cursor !== undefined,
        );
      } catch (error) {
        // Refused without being tried, after others: what was sent has failed all the same.
        if (cursor !== undefined && error instanceof DatabaseError) {
          tell(error);
        }
        throw error;
      }
    },
    // pg-cursor would wait for an answer that a failed cursor has had and a lost connection never gives.
    close: async () => {
      const open = isFailed ? undefined : cursor;
      if (open !== undefined) {
        tell();
        await watched(() => connection.unlessLost(open.close()));
      }
      if (isAlone && connection.isAlive) {
        await watched(() => connection.unlessLost(connection.client.query('rollback')));
      }
    },
  };
}
