import { RequestContext } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SessionDriver } from './bound-driver.ts';
import { connectionFromUrl } from './connection-from-url.ts';
import { DatabaseError } from './database-error.ts';
import { composeObservers } from './database-observer.ts';
import type { DatabaseObserver, SessionOutcome } from './database-observer.ts';
import { DEFAULT_DATABASE_OPTIONS } from './database-options.ts';
import type { DatabaseOptions } from './database-options.ts';
import { ormOptions } from './orm-options.ts';
import { sessionPoolOptions } from './pool-options.ts';
import { ConnectionPool } from '#database/pool/pool.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { bindToSession } from './session-entity-manager.ts';
import type { SessionOptions, TransactionOptions } from './session-options.ts';
import { SessionState } from './session-state.ts';
import { runNested, runSession } from './session-work.ts';

interface Runtime {
  readonly orm: MikroORM;
  readonly pool: ConnectionPool;
  readonly observer: DatabaseObserver;
  readonly isPooled: boolean;
}

interface CurrentSession {
  readonly manager: DatabaseSessionManager;
  readonly em: EntityManager;
  readonly state: SessionState;
}

const sessions = new WeakMap<RequestContext, CurrentSession>();

/**
 * Runs work in sessions: one EntityManager each, committed when the work succeeds, rolled back when it throws, its
 * connection returned in every case. Before `init` every call fails with `DB_NOT_INITIALIZED`, after `close` with
 * `DB_CLOSED`.
 */
export class DatabaseSessionManager implements AsyncDisposable {
  static #count = 0;
  readonly #contextName = `tidegauge-${++DatabaseSessionManager.#count}`;
  #runtime: Runtime | undefined;
  #closing: Promise<void> | undefined;
  #active = 0;

  /**
   * Makes the manager ready. Does not connect: an unreachable server fails the first session, not the start.
   *
   * @throws DatabaseError `CONFIG_INVALID` for a URL that cannot be used
   */
  async init(settings: DatabaseOptions | string): Promise<void> {
    this.#assertOpen();
    if (this.#runtime !== undefined) {
      throw new DatabaseError('CONFIG_INVALID', 'bug: init was called twice');
    }
    const options =
      typeof settings === 'string'
        ? { ...DEFAULT_DATABASE_OPTIONS, connection: connectionFromUrl(settings) }
        : settings;
    if (options.connection === undefined) {
      throw new DatabaseError(
        'CONFIG_INVALID',
        'no server to connect to: set DATABASE_URL or start the embedded server',
      );
    }
    const observer = composeObservers(options.observer === undefined ? [] : [options.observer]);
    const pool = new ConnectionPool(sessionPoolOptions(options, options.connection), observer);
    const orm = await MikroORM.init(
      ormOptions({
        pool,
        database: options.connection.database,
        entities: options.entities ?? [],
        contextName: this.#contextName,
        driver: SessionDriver,
      }),
    );
    this.#runtime = { orm, pool, observer, isPooled: options.pooler === 'pgbouncer' };
  }

  /**
   * Runs `work` with the session's EntityManager, which `getDb()` finds, too. A session that may write is one
   * transaction: whatever it flushes or sends raw commits together or vanishes together.
   *
   * @throws whatever `work` throws; DatabaseError `DB_SESSION_READ_ONLY` when a read-only session changed something,
   * `DB_COMMIT_UNKNOWN` when the answer to COMMIT was lost, and the pool's own codes
   */
  async session<T>(
    work: (db: EntityManager) => Promise<T>,
    options: SessionOptions = {},
  ): Promise<T> {
    const runtime = this.#require();
    return await RequestContext.create(runtime.orm.em, async () => {
      const context = RequestContext.currentRequestContext();
      const em = RequestContext.getEntityManager(this.#contextName);
      if (context === undefined || !isEntityManager(em)) {
        throw new DatabaseError('DB_SESSION_MISSING', 'bug: the session was not made current');
      }
      const state = new SessionState(
        options.name ?? 'session',
        options.readOnly ?? options.snapshot ?? false,
      );
      bindToSession(em, state);
      sessions.set(context, { manager: this, em, state });
      return await this.#observed(runtime, state, () =>
        runSession(em, state, work, { ...options, isPooled: runtime.isPooled }),
      );
    });
  }

  /** Runs `work` as a transaction of its own: a savepoint when a session is open, see `propagation`. */
  async transaction<T>(
    work: (db: EntityManager) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const current = currentSession();
    if (current === undefined || current.manager !== this || options.propagation === 'new') {
      return await this.session(work, {
        ...options,
        ...(options.readOnly === true && { snapshot: true }),
      });
    }
    return await runNested(current.em, current.state, work, options);
  }

  /** Whether sessions can be opened: initialised and not closed. */
  get isOpen(): boolean {
    return this.#runtime !== undefined && this.#closing === undefined;
  }

  /** The pool at this moment. */
  stats(): PoolStats {
    return this.#require().pool.stats();
  }

  /** Sessions that are open now. */
  get activeSessions(): number {
    return this.#active;
  }

  /** Takes a connection, asks the server, gives it back; resolves to the milliseconds that took, or throws why not. */
  async check(): Promise<number> {
    const { pool } = this.#require();
    const startedAt = performance.now();
    const lease = await pool.connect();
    let isUsable = false;
    try {
      await lease.query('select 1');
      isUsable = true;
      return performance.now() - startedAt;
    } finally {
      lease.release(!isUsable);
    }
  }

  /** Refuses new sessions, gives those that run the grace in milliseconds, then closes every connection. */
  async close(graceMs = 5000): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(graceMs: number): Promise<void> {
    await this.#runtime?.pool.end(graceMs);
    await this.#runtime?.orm.close(true);
  }

  async #observed<T>(runtime: Runtime, state: SessionState, work: () => Promise<T>): Promise<T> {
    const { observer } = runtime;
    const event = {
      pool: runtime.pool.stats().name,
      session: state.name,
      readOnly: state.isReadOnly,
    };
    let outcome: SessionOutcome = 'rollback';
    let code: DatabaseError['code'] | undefined;
    this.#active += 1;
    observer.sessionStarted?.({ ...event });
    try {
      const result = await work();
      outcome = 'commit';
      return result;
    } catch (error) {
      if (error instanceof DatabaseError) {
        code = error.code;
        outcome =
          code === 'DB_COMMIT_UNKNOWN' || code === 'DB_CONNECTION_LOST' ? 'error' : 'rollback';
      }
      throw error;
    } finally {
      this.#active -= 1;
      observer.sessionEnded?.({
        ...event,
        outcome,
        code,
        durationMs: performance.now() - state.startedAt,
      });
    }
  }

  #require(): Runtime {
    this.#assertOpen();
    if (this.#runtime === undefined) {
      throw new DatabaseError(
        'DB_NOT_INITIALIZED',
        'the session manager is not initialised: call init(settings) first',
      );
    }
    return this.#runtime;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) {
      throw new DatabaseError('DB_CLOSED', 'the session manager is closed');
    }
  }
}

/** The process's manager, for scripts and workers; `init` makes it usable. */
export const sessionManager = new DatabaseSessionManager();

/**
 * The current session's EntityManager.
 *
 * @throws DatabaseError `DB_SESSION_MISSING` outside of a session, `DB_SESSION_ENDED` after its end
 */
export function getDb(): EntityManager {
  const current = currentSession();
  if (current === undefined) {
    throw new DatabaseError(
      'DB_SESSION_MISSING',
      'no session is open here: call this inside a request or inside sessionManager.session(…)',
    );
  }
  if (current.state.isEnded) {
    throw new DatabaseError('DB_SESSION_ENDED', `session ${current.state.name} has ended`);
  }
  return current.em;
}

function currentSession(): CurrentSession | undefined {
  const context = RequestContext.currentRequestContext();
  return context === undefined ? undefined : sessions.get(context);
}

function isEntityManager(em: unknown): em is EntityManager {
  return em !== undefined;
}
