import type { IsolationLevel } from '@mikro-orm/core';
import type { WorkScope } from './work-scope.ts';

/** How a session runs. */
export interface SessionOptions {
  /** Who holds the session: a route template, the name of a job. */
  readonly name?: string;
  /** What it is part of, such as a request. Absent: that of the session around it. */
  readonly scope?: WorkScope | undefined;
  /** Its statements run singly and cannot write. */
  readonly readOnly?: boolean;
  /** A read-only session that sees one moment of the database in all its statements. */
  readonly snapshot?: boolean;
  /** Of the session's transaction; the server's default otherwise. */
  readonly isolationLevel?: `${IsolationLevel}`;
  /** Called right before each COMMIT that is sent: from then on the outcome is the server's alone. */
  readonly onCommit?: () => void;
  /** What a session that only reads must see: everything up to this position of the write-ahead log, as `onPosition` had it. Anything else is refused by `DB_INVALID_TEXT`. */
  readonly readAfter?: string | undefined;
  /** Told, where there are replicas, where the primary's write-ahead log was when a commit was done. */
  readonly onPosition?: (walPosition: string) => void;
  /**
   * Aborted before the commit, the session leaves the queue of the pool, its statement is cancelled on the server, and
   * it rolls back and fails with the signal's reason.
   */
  readonly signal?: AbortSignal;
  /**
   * The work does nothing outside of this session that must not be done twice: after a serialization failure or a
   * deadlock it is run again from the start, with an EntityManager of its own, at most twice and as far as the
   * process's budget allows.
   */
  readonly repeatable?: boolean;
  /**
   * When the answer to COMMIT is lost, the server is asked on another connection what became of it, within the acquire
   * timeout. Costs every session that writes one more round trip.
   */
  readonly confirmCommit?: boolean;
}

/** How a transaction inside, or in place of, a session runs. */
export interface TransactionOptions extends Pick<
  SessionOptions,
  'name' | 'readOnly' | 'readAfter' | 'isolationLevel' | 'signal' | 'repeatable' | 'confirmCommit'
> {
  /**
   * `nested`, the default: a savepoint inside a session, else a session of its own, as one with `readAfter` in a session
   * that reads from a replica is. `new`: always a session of its
   * own, on a second connection, whose fate the surrounding one does not share; given up when the surrounding one is,
   * unless it has a signal of its own. A savepoint has neither signal nor repetition nor commit: those are its session's.
   */
  readonly propagation?: 'nested' | 'new';
}
