import type { IsolationLevel } from '@mikro-orm/core';

/** How a session runs. */
export interface SessionOptions {
  /** Who holds the session: a route template, the name of a job. */
  readonly name?: string;
  /** Its statements run singly and cannot write. */
  readonly readOnly?: boolean;
  /** A read-only session that sees one moment of the database in all its statements. */
  readonly snapshot?: boolean;
  /** Of the session's transaction; the server's default otherwise. */
  readonly isolationLevel?: `${IsolationLevel}`;
  /** Called right before COMMIT is sent: from then on the outcome is the server's alone. */
  readonly onCommit?: () => void;
  /** Aborted before the commit, the session rolls back and fails with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How a transaction inside, or in place of, a session runs. */
export interface TransactionOptions extends Pick<
  SessionOptions,
  'name' | 'readOnly' | 'isolationLevel'
> {
  /**
   * `nested`, the default: a savepoint inside a session, else a session of its own. `new`: always a session of its
   * own, on a second connection, whose fate the surrounding one does not share.
   */
  readonly propagation?: 'nested' | 'new';
}
