import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { DatabaseError } from './database-error.ts';
import { readOnlySession } from './session-entity-manager.ts';
import type { SessionOptions, TransactionOptions } from './session-options.ts';
import type { SessionState } from './session-state.ts';

/**
 * Runs the work of a session: in a transaction when it may write or wants a snapshot, and behind a transaction pooler,
 * where nothing but a transaction holds a connection. Commits, or rolls back and throws; the session is over then.
 */
export async function runSession<T>(
  em: EntityManager,
  state: SessionState,
  work: (db: EntityManager) => Promise<T>,
  options: SessionOptions & { readonly isPooled: boolean },
): Promise<T> {
  const isTransaction = !state.isReadOnly || options.snapshot === true || options.isPooled;
  try {
    if (isTransaction) {
      await em.begin({ readOnly: state.isReadOnly, ...isolation(options, state) });
    }
    const result = await work(em);
    await state.closeStreams();
    if (!isTransaction && em.isInTransaction()) {
      throw new DatabaseError(
        'DB_QUERY_FAILED',
        `session ${state.name} began a transaction and left it open: use transaction(…)`,
      );
    }
    if (state.isReadOnly) {
      assertUnchanged(em, state);
    } else {
      // Before the last look at the signal: only COMMIT itself may be under way when the caller has given up.
      await em.flush();
    }
    options.signal?.throwIfAborted();
    if (isTransaction) {
      if (!state.isReadOnly) {
        options.onCommit?.();
      }
      await em.commit();
    }
    return result;
  } catch (error) {
    await state.closeStreams().catch(() => undefined);
    await rollBack(em);
    throw readOnlyError(error, state);
  } finally {
    state.end();
  }
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

function readOnlyError(error: unknown, state: SessionState): unknown {
  return state.isReadOnly && error instanceof DatabaseError && error.code === 'DB_READ_ONLY'
    ? readOnlySession(state)
    : error;
}
