import type { ForkOptions } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import { DatabaseError } from './database-error.ts';
import type { SessionState } from './session-state.ts';

// Beside the instances, since the base class calls into this one before fields exist.
const states = new WeakMap<EntityManager, SessionState>();

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
