import { RequestContext } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SessionState } from './session-state.ts';

/** A session, whose it is and what it works with. */
export interface CurrentSession {
  /** The manager that opened it: sessions of two managers never find each other. */
  readonly owner: object;
  readonly em: EntityManager;
  readonly state: SessionState;
}

const sessions = new WeakMap<RequestContext, CurrentSession>();

/** Makes a session the current one of the context that was made for it. */
export function bindToContext(context: RequestContext, session: CurrentSession): void {
  sessions.set(context, session);
}

/** The session in whose course the present code runs; undefined outside of one. */
export function currentSession(): CurrentSession | undefined {
  const context = RequestContext.currentRequestContext();
  return context === undefined ? undefined : sessions.get(context);
}
