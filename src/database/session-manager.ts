import { RequestContext } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SessionDriver } from './bound-driver.ts';
import { connectionFromUrl } from './connection-from-url.ts';
import { DatabaseError } from './database-error.ts';
import { composeObservers } from './database-observer.ts';
import type { DatabaseObserver } from './database-observer.ts';
import { DEFAULT_DATABASE_OPTIONS } from './database-options.ts';
import type { DatabaseOptions } from './database-options.ts';
import { ormOptions } from './orm-options.ts';
import { sessionPoolOptions } from './pool-options.ts';
import type { ConnectGate } from '#database/pool/connect-gate.ts';
import { ConnectionPool } from '#database/pool/connection-pool.ts';
import { captureStack } from '#database/pool/holder-stack.ts';
import type { OpenConnection } from '#database/pool/physical-connection.ts';
import type { HolderStats, PoolStats, WaiterStats } from '#database/pool/pool-stats.ts';
import type { PooledConnection } from '#database/pool/pooled-connection.ts';
import type { ServerRole } from '#database/health/server-role.ts';
import type { Replica } from '#database/replicas/replica.ts';
import { ReplicaSet } from '#database/replicas/replica-set.ts';
import type { ReplicaStats } from '#database/replicas/replica-set.ts';
import { RoutedPool } from '#database/replicas/routed-pool.ts';
import { wantedPosition } from '#database/replicas/wal-position.ts';
import { processRetryBudget } from './retry-budget.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { AskServer } from './session-commit.ts';
import { bindToContext, currentSession } from './session-current.ts';
import { bindToSession } from './session-entity-manager.ts';
import type { SessionOptions, TransactionOptions } from './session-options.ts';
import { withRepeats } from './session-repeats.ts';
import { SessionState } from './session-state.ts';
import { told } from './session-told.ts';
import { runNested, runSession } from './session-work.ts';

interface Runtime {
  readonly orm: MikroORM;
  /** Of the primary. */
  readonly pool: ConnectionPool;
  /** Undefined when there are none. */
  readonly replicas: ReplicaSet | undefined;
  readonly observer: DatabaseObserver;
  readonly poolName: string;
  readonly isPooled: boolean;
  readonly acquireTimeoutMs: number;
  readonly isWatchingLeaks: boolean;
}

/** What a manager works with beside its settings; all of it has a default. */
export interface SessionManagerParts {
  /** How many sessions may be repeated; the process's own unless told. */
  readonly retryBudget?: RetryBudget;
  /** Opens the pool's connections. */
  readonly open?: OpenConnection<PooledConnection>;
}

/**
 * Runs work in sessions: one EntityManager each, committed when the work succeeds, rolled back when it throws, its
 * connection returned in every case. Before `init` every call fails with `DB_NOT_INITIALIZED`, after `close` with
 * `DB_CLOSED`.
 */
export class DatabaseSessionManager implements AsyncDisposable {
  static #count = 0;
  readonly #contextName = `tidegauge-${++DatabaseSessionManager.#count}`;
  readonly #retryBudget: RetryBudget;
  readonly #open: OpenConnection<PooledConnection> | undefined;
  #starting: Promise<void> | undefined;
  #runtime: Runtime | undefined;
  #closing: Promise<void> | undefined;
  #active = 0;
  #role: ServerRole | undefined;

  constructor({ retryBudget = processRetryBudget, open }: SessionManagerParts = {}) {
    this.#retryBudget = retryBudget;
    this.#open = open;
  }

  /**
   * Makes the manager ready and begins to open the pool's connections, in the background: an unreachable server fails
   * the first session, not the start.
   *
   * @throws DatabaseError `CONFIG_INVALID` for a URL that cannot be used
   */
  async init(settings: DatabaseOptions | string): Promise<void> {
    this.#assertOpen();
    if (this.#starting !== undefined) {
      throw new DatabaseError('CONFIG_INVALID', 'bug: init was called twice');
    }
    this.#starting = this.#start(settings);
    try {
      await this.#starting;
    } catch (error) {
      this.#starting = undefined;
      throw error;
    }
  }

  async #start(settings: DatabaseOptions | string): Promise<void> {
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
    const pool = new ConnectionPool(sessionPoolOptions(options, options.connection), observer, {
      currentHolder: () => this.#currentState()?.holder,
      ...(this.#open !== undefined && { open: this.#open }),
    });
    const replicas = this.#replicasOf(options, observer);
    const orm = await MikroORM.init(
      ormOptions({
        pool:
          replicas === undefined
            ? pool
            : new RoutedPool({
                primary: pool,
                acquireTimeoutMs: options.acquireTimeoutMs,
                currentReader: () => this.#currentState(),
                onFallback: () => replicas.fellBack('connect'),
              }),
        database: options.connection.database,
        entities: options.entities ?? [],
        contextName: this.#contextName,
        driver: SessionDriver,
      }),
    );
    pool.start();
    replicas?.start();
    this.#runtime = {
      orm,
      pool,
      replicas,
      observer,
      poolName: options.poolName,
      isPooled: options.pooler === 'pgbouncer',
      acquireTimeoutMs: options.acquireTimeoutMs,
      isWatchingLeaks: options.leakThresholdMs > 0,
    };
  }

  #replicasOf(options: DatabaseOptions, observer: DatabaseObserver): ReplicaSet | undefined {
    const { replicas = [] } = options;
    return replicas.length === 0
      ? undefined
      : new ReplicaSet(replicas, {
          settings: options,
          observer,
          currentHolder: () => this.#currentState()?.holder,
        });
  }

  /**
   * Runs `work` with the session's EntityManager, which `getDb()` finds, too. A session that may write is one
   * transaction: whatever it flushes or sends raw commits together or vanishes together.
   *
   * @throws whatever `work` throws; DatabaseError `DB_SESSION_READ_ONLY` when a read-only session changed something,
   * `DB_COMMIT_UNKNOWN` when the answer to COMMIT was lost, the pool's own codes; and the reason of its signal
   */
  async session<T>(
    work: (db: EntityManager) => Promise<T>,
    options: SessionOptions = {},
  ): Promise<T> {
    const { observer, poolName } = this.#require();
    this.#retryBudget.deposit();
    if (options.repeatable !== true) {
      return await this.#attempt(work, options);
    }
    return await withRepeats((isRepeat) => this.#attempt(work, options, isRepeat), {
      budget: this.#retryBudget,
      signal: options.signal,
      tell: (outcome) =>
        observer.sessionRetried?.({ pool: poolName, session: nameOf(options), outcome }),
    });
  }

  /** Runs `work` as a transaction of its own: a savepoint when a session is open, see `propagation`. */
  async transaction<T>(
    work: (db: EntityManager) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const current = currentSession();
    if (
      current?.owner === this &&
      options.propagation !== 'new' &&
      // What it must see may not be where the session reads.
      (options.readAfter === undefined || current.state.replica === undefined)
    ) {
      return await runNested(current.em, current.state, work, options);
    }
    const { name, signal } = current?.state.holder ?? {};
    return await this.session(work, {
      ...(name !== undefined && { name }),
      ...(signal !== undefined && { signal }),
      ...options,
      ...(options.readOnly === true && { snapshot: true }),
    });
  }

  /** Whether sessions can be opened: initialised and not closed. */
  get isOpen(): boolean {
    return this.#runtime !== undefined && this.#closing === undefined;
  }

  /** The pool at this moment. */
  stats(): PoolStats {
    return this.#require().pool.stats();
  }

  /** Who holds a connection now, longest first. */
  holders(): readonly HolderStats[] {
    return this.#require().pool.holders();
  }

  /** Who waits for a connection now, longest first. */
  waiters(): readonly WaiterStats[] {
    return this.#require().pool.waiters();
  }

  /** Has every connection replaced: idle ones at once, leased ones when they are returned. */
  evict(): void {
    this.#require().pool.evict();
  }

  /** The pools of all servers, the primary's first. */
  pools(): readonly ConnectionPool[] {
    const { pool, replicas } = this.#require();
    return [pool, ...(replicas?.pools ?? [])];
  }

  /** What is known of the replicas; empty when there are none. */
  replicas(): readonly ReplicaStats[] {
    return this.#require().replicas?.stats() ?? [];
  }

  /**
   * Takes notice of what the server was found to be: one that has become a standby loses its connections, so that new
   * ones are opened to where its name leads now; one that is read-only by default gets no session that writes.
   */
  noteServer(role: ServerRole): void {
    if (!this.isOpen) {
      return;
    }
    const { pool, replicas } = this.#require();
    if (role.isStandby && this.#role?.isStandby !== true) {
      pool.evict('failover');
    }
    if (role.walPosition !== undefined) {
      replicas?.notePrimary(role.walPosition);
    }
    this.#role = role;
  }

  /** Stands before every attempt to connect; whoever connects to the same server past the pool asks it as well. */
  get connectGate(): ConnectGate {
    return this.#require().pool.gate;
  }

  /** Sessions that are open now. */
  get activeSessions(): number {
    return this.#active;
  }

  /** Takes a connection, asks the server, gives it back; resolves to the milliseconds that took, or throws why not. */
  async check(): Promise<number> {
    const startedAt = performance.now();
    await this.#ask('select 1', []);
    return performance.now() - startedAt;
  }

  /**
   * Refuses new sessions and whoever waits for a connection or asks for another one; who has one keeps it for the grace
   * in milliseconds at most. Resolves when every connection is closed.
   */
  async close(graceMs = 5000): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(graceMs: number): Promise<void> {
    // What it opens after this would be left open; its failure is its caller's.
    await this.#starting?.catch(() => undefined);
    const { pool, replicas, orm } = this.#runtime ?? {};
    await Promise.all([pool?.end(graceMs), replicas?.end(graceMs)]);
    await orm?.close(true);
  }

  readonly #ask: AskServer = async (text, values) => {
    const lease = await this.#require().pool.connect();
    let isUsable = false;
    try {
      const { rows } = await lease.query<Record<string, unknown>>(text, values);
      isUsable = true;
      return rows[0];
    } finally {
      lease.release(!isUsable);
    }
  };

  #currentState(): SessionState | undefined {
    const current = currentSession();
    return current?.owner === this ? current.state : undefined;
  }

  /**
   * Where a session reads: one that writes, or is inside of one that does, on the primary; one inside of another one that
   * reads, where that does, so that it sees no less, or on the primary if it must see more.
   */
  #replicaFor(
    isReadOnly: boolean,
    { isolationLevel }: SessionOptions,
    readAfter: bigint | undefined,
  ): Replica | undefined {
    const { replicas } = this.#require();
    const outer = this.#currentState();
    if (!isReadOnly && outer !== undefined) {
      // What it writes must be seen by whoever asked for that.
      outer.replica = undefined;
    }
    // A standby knows no serializable transaction.
    if (replicas === undefined || !isReadOnly || isolationLevel === 'serializable') {
      return undefined;
    }
    if (outer === undefined) {
      return replicas.choose(readAfter);
    }
    if (outer.replica === undefined || outer.readAfter === readAfter) {
      return outer.replica;
    }
    replicas.fellBack('read_after');
    return undefined;
  }

  /** One session from begin to end, with an EntityManager of its own. */
  async #attempt<T>(
    work: (db: EntityManager) => Promise<T>,
    options: SessionOptions,
    isRepeat = false,
  ): Promise<T> {
    const { orm, replicas, observer, poolName, isPooled, acquireTimeoutMs, isWatchingLeaks } =
      this.#require();
    const isReadOnly = options.readOnly ?? options.snapshot ?? false;
    const readAfter =
      options.readAfter === undefined
        ? this.#currentState()?.readAfter
        : wantedPosition(options.readAfter);
    const replica = isRepeat ? undefined : this.#replicaFor(isReadOnly, options, readAfter);
    const state = new SessionState({
      name: nameOf(options),
      replica,
      readAfter,
      scope: options.scope ?? currentSession()?.state.holder.scope,
      signal: options.signal,
      // Here, since whoever asks later may do so in a callback of its own.
      stack: isWatchingLeaks ? captureStack() : undefined,
      isReadOnly,
      ...(replicas !== undefined && !isReadOnly && { onPosition: options.onPosition }),
    });
    this.#active += 1;
    return await RequestContext.create(orm.em, async () => {
      const context = RequestContext.currentRequestContext();
      const em = RequestContext.getEntityManager(this.#contextName);
      if (context === undefined || !isEntityManager(em)) {
        throw new DatabaseError('DB_SESSION_MISSING', 'bug: the session was not made current');
      }
      bindToSession(em, state);
      bindToContext(context, { owner: this, em, state });
      return await told(observer, replica?.name ?? poolName, state, async () => {
        this.#assertWritable(state);
        const means = { isPooled, acquireTimeoutMs, ask: this.#ask };
        const running = runSession(em, state, work, { ...options, ...means });
        return await (replica === undefined ? running : onReplica(running, state, options));
      });
    }).finally(() => void (this.#active -= 1));
  }

  /** Our own sessions say what they do, and would write in spite of the default. */
  #assertWritable({ isReadOnly }: SessionState): void {
    if (!isReadOnly && this.#role?.isReadOnlyByDefault === true) {
      throw new DatabaseError(
        'DB_READ_ONLY',
        'the server accepts no writes: default_transaction_read_only is on, see docs/errors.md',
      );
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

/** Runs a session on a replica, whose failures are not the primary's. */
async function onReplica<T>(
  running: Promise<T>,
  state: SessionState,
  { repeatable = false }: SessionOptions,
): Promise<T> {
  try {
    return await running;
  } catch (error) {
    state.replica?.failed(error);
    const isConflict =
      error instanceof DatabaseError &&
      (error.code === 'DB_SERIALIZATION' || error.code === 'DB_DEADLOCK');
    if (!isConflict || state.replica === undefined || repeatable) {
      throw error;
    }
    throw new DatabaseError(
      'DB_UNAVAILABLE',
      'the replica cancelled the statement, which stood in the way of what it replays: see max_standby_streaming_delay and hot_standby_feedback',
      error.details,
    );
  }
}

function nameOf({ name = 'session' }: SessionOptions): string {
  return name;
}

function isEntityManager(em: unknown): em is EntityManager {
  return em !== undefined;
}
