import type { ForkOptions, Loaded, TransactionOptions } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import { DatabaseError } from './database-error.ts';
import type { SessionState } from './session-state.ts';

// Beside the instances, since the base class calls into this one before fields exist.
const states = new WeakMap<EntityManager, SessionState>();

// The last nested transaction of each EntityManager: the next one waits for it.
const turns = new WeakMap<EntityManager, Promise<unknown>>();

/** Ties an EntityManager, and every fork made from it, to one session. */
export function bindToSession(em: EntityManager, state: SessionState): void {
  states.set(em, state);
}

/**
 * An EntityManager that knows its session: after the session's end every use throws `DB_SESSION_ENDED`, and used
 * inside another session it stays what it is, where MikroORM would switch to that other session's.
 */
export class SessionEntityManager extends EntityManager {
  override fork(options?: ForkOptions): this {
    const fork = super.fork(options);
    const state = states.get(this);
    if (state !== undefined) {
      states.set(fork, state);
    }
    return fork;
  }

  /**
   * As MikroORM's, one after the other where they share a parent: savepoints of one connection are a stack, and a
   * rollback of the first would take a second one's work with it.
   */
  override async transactional<T>(
    work: (em: this) => T | Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    assertMayWrite(states.get(this), options);
    const parent = this.getContext(false);
    const before = turns.get(parent) ?? Promise.resolve();
    const turn = before.then(() => super.transactional(work, options));
    turns.set(
      parent,
      turn.catch(() => undefined),
    );
    return await turn;
  }

  override async begin(
    options: Omit<TransactionOptions, 'ignoreNestedTransactions'> = {},
  ): Promise<void> {
    assertMayWrite(states.get(this), options);
    assertNoTransaction(states.get(this));
    await super.begin(options);
  }

  override async commit(): Promise<void> {
    assertNoTransaction(states.get(this));
    await super.commit();
  }

  override async rollback(): Promise<void> {
    assertNoTransaction(states.get(this));
    await super.rollback();
  }

  /** As MikroORM's; one that is not read to its end is given up with the session. */
  override stream<
    Entity extends object,
    Hint extends string = never,
    Fields extends string = never,
    Excludes extends string = never,
    Using extends string = never,
  >(
    ...parameters: Parameters<
      typeof EntityManager.prototype.stream<Entity, Hint, Fields, Excludes, Using>
    >
  ): AsyncIterableIterator<Loaded<Entity, Hint, Fields, Excludes>> {
    return keepStream(this, super.stream<Entity, Hint, Fields, Excludes, Using>(...parameters));
  }

  override getContext(validate?: boolean): this {
    const state = states.get(this);
    if (state === undefined) {
      return super.getContext(validate);
    }
    if (state.isEnded) {
      throw new DatabaseError(
        'DB_SESSION_ENDED',
        `session ${state.name} has ended: load what you need before, or open a session of your own`,
      );
    }
    const current = super.getContext(false);
    return states.get(current) === state ? current : this;
  }
}

/** Gives a stream that is not read to its end up with the session. */
export function keepStream<T extends AsyncIterator<unknown>>(em: EntityManager, stream: T): T {
  states.get(em)?.streams.add(stream);
  return stream;
}

/** A transaction says of itself that it writes; a read-only session does not let it. */
function assertMayWrite(state: SessionState | undefined, options: TransactionOptions): void {
  if (state?.isReadOnly === true && options.readOnly === false) {
    throw readOnlySession(state);
  }
}

/** A second transaction would take the place of the session's own, which then nobody ends; a second end would not be its. */
function assertNoTransaction(state: SessionState | undefined): void {
  if (state?.isTransaction === true) {
    throw new DatabaseError(
      'DB_QUERY_FAILED',
      `session ${state.name} begins and ends its transaction itself: use transaction(…) for a part that may fail alone`,
    );
  }
}

/** A read-only session was asked to change something. */
export function readOnlySession(state: SessionState): DatabaseError {
  return new DatabaseError(
    'DB_SESSION_READ_ONLY',
    `session ${state.name} is read-only and cannot change anything`,
  );
}
