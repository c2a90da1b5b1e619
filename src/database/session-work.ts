import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { DatabaseError } from './database-error.ts';
import { commitReceipt, confirmCommit } from './session-commit.ts';
import type { AskServer, CommitReceipt } from './session-commit.ts';
import { readOnlySession } from './session-entity-manager.ts';
import type { SessionOptions, TransactionOptions } from './session-options.ts';
import type { SessionState } from './session-state.ts';

/** What a session needs beside its work. */
export interface SessionMeans {
  /** Behind a transaction pooler nothing but a transaction holds a connection. */
  readonly isPooled: boolean;
  /** Asks the server past the session's own connection. */
  readonly ask: AskServer;
  readonly acquireTimeoutMs: number;
}

/**
 * Runs the work of a session: in a transaction when it may write or wants a snapshot, and behind a transaction pooler.
 * Commits, or rolls back and throws; the session is over then.
 */
export async function runSession<T>(
  em: EntityManager,
  state: SessionState,
  work: (db: EntityManager) => Promise<T>,
  options: SessionOptions & SessionMeans,
): Promise<T> {
  const isTransaction = !state.isReadOnly || options.snapshot === true || options.isPooled;
  let sent: { readonly result: T; readonly receipt: CommitReceipt | undefined } | undefined;
  try {
    options.signal?.throwIfAborted();
    if (isTransaction) {
      await em.begin({ readOnly: state.isReadOnly, ...isolation(options, state) });
      state.isTransaction = true;
    }
    const result = await work(em);
    state.isTransaction = false;
    await state.closeStreams();
    if (!isTransaction && em.isInTransaction()) {
      throw new DatabaseError(
        'DB_QUERY_FAILED',
        `session ${state.name} began a transaction and left it open: use transaction(…)`,
      );
    }
    // Before the last look at the signal: only COMMIT itself may be under way when the caller has given up.
    const receipt = await finishWork(em, state, options);
    options.signal?.throwIfAborted();
    if (isTransaction) {
      if (!state.isReadOnly) {
        options.onCommit?.();
      }
      sent = { result, receipt };
      await em.commit();
    }
    return result;
  } catch (error) {
    state.isTransaction = false;
    await state.closeStreams().catch(() => undefined);
    await rollBack(em);
    state.end();
    if (sent?.receipt !== undefined && isUnknownCommit(error)) {
      await confirmCommit(sent.receipt, error, options.ask, options.acquireTimeoutMs);
      return sent.result;
    }
    throw isGivenUp(error, options.signal) ? options.signal.reason : readOnlyError(error, state);
  } finally {
    state.end();
  }
}

/** Sends what the work has left to send; afterwards there is only COMMIT. */
async function finishWork(
  em: EntityManager,
  state: SessionState,
  options: SessionOptions,
): Promise<CommitReceipt | undefined> {
  if (!state.isReadOnly) {
    await em.flush();
    return options.confirmCommit === true ? await commitReceipt(em) : undefined;
  }
  assertUnchanged(em, state);
  return undefined;
}

function isUnknownCommit(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.code === 'DB_COMMIT_UNKNOWN';
}

/** Whether work failed since its statement was cancelled, or a further one refused, on behalf of the signal. */
function isGivenUp(error: unknown, signal: AbortSignal | undefined): signal is AbortSignal {
  return (
    signal?.aborted === true &&
    error instanceof DatabaseError &&
    error.code === 'DB_QUERY_CANCELLED'
  );
}

function isolation(
  options: SessionOptions,
  state: SessionState,
): { isolationLevel?: IsolationLevel } {
  const isSnapshot = state.isReadOnly && options.snapshot === true;
  return isolationLevel(options.isolationLevel ?? (isSnapshot ? 'repeatable read' : undefined));
}

/** MikroORM wants its enum where the texts are what everybody knows. */
function isolationLevel(text: string | undefined): { isolationLevel?: IsolationLevel } {
  const level = Object.values(IsolationLevel).find((known) => known === text);
  return level === undefined ? {} : { isolationLevel: level };
}

/** Never hides the error that led here: a connection that cannot roll back is destroyed, which rolls back as well. */
async function rollBack(em: EntityManager): Promise<void> {
  try {
    if (em.isInTransaction()) {
      await em.rollback();
    }
  } catch {
    // The server rolls back what a lost connection left behind.
  }
}

/** Runs work as a savepoint of an open session; in a read-only one, as a read-only transaction of its own. */
export async function runNested<T>(
  em: EntityManager,
  state: SessionState,
  work: (db: EntityManager) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  const isOutermost = !em.isInTransaction();
  if (options.isolationLevel !== undefined && !isOutermost) {
    throw new DatabaseError(
      'CONFIG_INVALID',
      'only the outermost transaction can choose its isolation level',
    );
  }
  if (state.isReadOnly && options.readOnly !== true) {
    throw readOnlySession(state);
  }
  return await em.transactional(
    async (db) => {
      if (options.readOnly === true && !isOutermost) {
        await db.execute('set transaction read only');
      }
      return await work(db);
    },
    {
      ...(isOutermost && { readOnly: true }),
      ...isolationLevel(options.isolationLevel),
    },
  );
}

/** A read-only session that changed an entity would lose the change silently. */
function assertUnchanged(em: EntityManager, state: SessionState): void {
  const unitOfWork = em.getUnitOfWork();
  unitOfWork.computeChangeSets();
  if (unitOfWork.getChangeSets().length > 0 || unitOfWork.getRemoveStack().size > 0) {
    throw readOnlySession(state);
  }
}

/** What was refused is the statement, or, where the server has not said so of one, the whole server. */
function readOnlyError(error: unknown, state: SessionState): unknown {
  return state.isReadOnly &&
    error instanceof DatabaseError &&
    error.code === 'DB_READ_ONLY' &&
    error.details.sqlState !== undefined
    ? readOnlySession(state)
    : error;
}
