import { DatabaseError } from '#database/database-error.ts';
import { composeObservers } from '#database/database-observer.ts';
import type { DatabaseObserver, RetireReason } from '#database/database-observer.ts';
import { Lease } from './lease.ts';
import type { LeaseOwner } from './lease.ts';
import type { PoolStats } from './pool-stats.ts';
import { PooledConnection } from './pooled-connection.ts';
import type { ConnectionOptions } from './pooled-connection.ts';
import { StatementNames } from './statement-names.ts';

/** Counts and times of one pool; times in milliseconds. */
export interface PoolOptions extends ConnectionOptions {
  readonly poolName: string;
  /** Connections kept when there is no demand. */
  readonly poolSize: number;
  /** Further connections while there is demand; the hard bound is the sum. */
  readonly maxOverflow: number;
  /** Borrowers that may wait; further ones are refused at once. */
  readonly queueLimit: number;
  readonly acquireTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
  /** False behind a transaction pooler, where a prepared statement may be on another connection. */
  readonly isPreparing: boolean;
}

interface Waiter {
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: DatabaseError) => void;
  readonly timer: NodeJS.Timeout;
  readonly since: number;
}

const REAP_INTERVAL_MS = 1000;
const GOODBYE_MS = 1000;
const LIFETIME_JITTER = 0.1;

/**
 * Admits borrowers up to a bound, queues the rest in order with a deadline each, and takes back only connections that
 * are alive and outside a transaction. `connect`, `end` and `options` are what kysely asks of a pool.
 *
 * A waiter is not tied to the connection that is opened for it: whichever connection is free first serves whoever has
 * waited longest.
 */
export class ConnectionPool {
  /** kysely copies these for a control connection; ours holds no secret. */
  readonly options: object = Object.freeze({});
  readonly #settings: PoolOptions;
  readonly #observer: DatabaseObserver;
  readonly #owner: LeaseOwner;
  readonly #idle: PooledConnection[] = [];
  readonly #leases = new Set<Lease>();
  readonly #waiters = new Set<Waiter>();
  readonly #closing = new Set<Promise<void>>();
  readonly #reaper: NodeJS.Timeout;
  readonly #graceIsOver = new AbortController();
  #connecting = 0;
  #generation = 0;
  #lastConnectError: DatabaseError | undefined;
  #closed: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(settings: PoolOptions, observer: DatabaseObserver = {}) {
    this.#settings = settings;
    this.#observer = composeObservers([observer]);
    this.#owner = {
      statementNames: settings.isPreparing ? new StatementNames() : undefined,
      returned: (lease, mustDestroy) => this.#takeBack(lease, mustDestroy),
      queryEnded: (durationMs, code) =>
        this.#observer.queryEnded?.({ pool: settings.poolName, durationMs, code }),
      planWentStale: ({ connection }) => {
        // Connections opened since then have no stale plans: only the first report of a generation counts.
        if (connection.generation === this.#generation) {
          this.evict('dirty');
        }
      },
    };
    this.#reaper = setInterval(() => this.#reap(), REAP_INTERVAL_MS);
    this.#reaper.unref();
  }

  /** The hard bound. */
  get max(): number {
    return this.#settings.poolSize + this.#settings.maxOverflow;
  }

  stats(): PoolStats {
    const idle = this.#idle.length;
    const used = this.#leases.size;
    return Object.freeze({
      name: this.#settings.poolName,
      max: this.max,
      size: this.#settings.poolSize,
      idle,
      used,
      connecting: this.#connecting,
      waiting: this.#waiters.size,
      total: idle + used + this.#connecting,
    });
  }

  /**
   * Leases a connection.
   *
   * @throws DatabaseError `DB_POOL_FULL` at once when the queue is full, `DB_POOL_TIMEOUT` after the acquire timeout,
   * `DB_CLOSED` after `end`, or the code that says why no connection could be opened
   */
  async connect(): Promise<Lease> {
    if (this.#closed !== undefined) {
      throw closedError(this.#settings.poolName);
    }
    const connection = this.#waiters.size === 0 ? this.#takeIdle() : undefined;
    if (connection !== undefined) {
      return this.#lease(connection);
    }
    if (this.#isFull && this.#waiters.size - this.#connecting >= this.#settings.queueLimit) {
      throw this.#fullError();
    }
    return await new Promise<Lease>((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        reject,
        since: performance.now(),
        timer: setTimeout(() => this.#giveUp(waiter), this.#settings.acquireTimeoutMs),
      };
      this.#waiters.add(waiter);
      this.#openForWaiters();
    });
  }

  /** Retires every connection that exists now: idle ones at once, leased ones when they are returned. */
  evict(reason: RetireReason = 'evicted'): void {
    this.#generation += 1;
    for (const connection of this.#idle.splice(0)) {
      this.#retire(connection, reason);
    }
  }

  /** Refuses waiters at once, waits for leases up to the grace, then closes; resolves when every socket is closed. */
  async end(graceMs = 5000): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    await this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    clearInterval(this.#reaper);
    for (const waiter of this.#waiters) {
      this.#settle(waiter).reject(closedError(this.#settings.poolName));
    }
    this.evict('shutdown');
    if (this.#leases.size > 0 || this.#connecting > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onEmpty = resolve;
      const timer = setTimeout(resolve, graceMs);
      await promise;
      clearTimeout(timer);
      this.#graceIsOver.abort();
      for (const lease of this.#leases) {
        lease.release(true);
      }
    }
    await Promise.all(this.#closing);
  }

  get #isFull(): boolean {
    return this.#idle.length + this.#leases.size + this.#connecting >= this.max;
  }

  #takeIdle(): PooledConnection | undefined {
    // The most recently used first, so that overflow goes idle and is closed.
    let connection = this.#idle.pop();
    while (connection !== undefined && !connection.isReusable) {
      this.#retire(connection, 'broken');
      connection = this.#idle.pop();
    }
    return connection;
  }

  #lease(connection: PooledConnection): Lease {
    const lease = new Lease(connection, this.#owner);
    this.#leases.add(lease);
    return lease;
  }

  #openForWaiters(): void {
    while (this.#connecting < this.#waiters.size && !this.#isFull) {
      void this.#open();
    }
  }

  async #open(): Promise<void> {
    this.#connecting += 1;
    const startedAt = performance.now();
    const lifetimeMs = this.#settings.maxLifetimeMs * (1 - LIFETIME_JITTER * Math.random());
    let connection: PooledConnection;
    try {
      connection = await PooledConnection.open(
        this.#settings,
        this.#generation,
        lifetimeMs,
        (broken) => this.#dropBroken(broken),
        this.#graceIsOver.signal,
      );
    } catch (error) {
      this.#connecting -= 1;
      this.#connectFailed(error);
      return;
    }
    this.#connecting -= 1;
    this.#lastConnectError = undefined;
    this.#observer.connectionOpened?.({
      pool: this.#settings.poolName,
      pid: connection.pid,
      durationMs: performance.now() - startedAt,
    });
    this.#offer(connection);
    this.#notifyEmpty();
  }

  #connectFailed(error: unknown): void {
    if (this.#graceIsOver.signal.aborted) {
      this.#notifyEmpty();
      return;
    }
    const failure =
      error instanceof DatabaseError
        ? error
        : new DatabaseError('DB_UNAVAILABLE', 'opening a connection failed', {}, { cause: error });
    this.#lastConnectError = failure;
    const { host, port } = this.#settings.connection;
    this.#observer.connectionFailed?.({
      pool: this.#settings.poolName,
      code: failure.code,
      host,
      port,
      message: failure.message,
    });
    // A server without a free slot is served with the connections there are: their return serves the waiters.
    const [oldest] = this.#waiters;
    if (
      oldest !== undefined &&
      (failure.code !== 'DB_TOO_MANY_CONNECTIONS' || this.#leases.size === 0)
    ) {
      this.#settle(oldest).reject(failure);
      // Those behind it get an attempt of their own: the server may be back, and one by one they learn if it is not.
      this.#openForWaiters();
    }
    this.#notifyEmpty();
  }

  /** Gives a free connection to whoever has waited longest, or keeps it. */
  #offer(connection: PooledConnection): void {
    const reason = this.#reasonToRetire(connection);
    if (reason !== undefined) {
      this.#retire(connection, reason);
      this.#openForWaiters();
      return;
    }
    const [next] = this.#waiters;
    if (next === undefined) {
      connection.idleSince = performance.now();
      this.#idle.push(connection);
    } else {
      this.#settle(next).resolve(this.#lease(connection));
    }
  }

  #takeBack(lease: Lease, mustDestroy: boolean): void {
    this.#leases.delete(lease);
    const { connection } = lease;
    if (mustDestroy) {
      this.#retire(connection, this.#closed === undefined ? 'broken' : 'shutdown', true);
      this.#openForWaiters();
    } else {
      this.#offer(connection);
    }
    this.#notifyEmpty();
  }

  #reasonToRetire(connection: PooledConnection): RetireReason | undefined {
    if (connection.isBroken) {
      return 'broken';
    }
    if (!connection.isReusable) {
      return 'dirty';
    }
    if (this.#closed !== undefined) {
      return 'shutdown';
    }
    if (connection.generation !== this.#generation) {
      return 'evicted';
    }
    return connection.ageMs > connection.lifetimeMs ? 'lifetime' : undefined;
  }

  #retire(connection: PooledConnection, reason: RetireReason, isForced = false): void {
    this.#observer.connectionClosed?.({
      pool: this.#settings.poolName,
      pid: connection.pid,
      reason,
      ageMs: connection.ageMs,
    });
    if (isForced || reason === 'broken' || reason === 'dirty') {
      connection.destroy();
      return;
    }
    const closed = connection.close(GOODBYE_MS).finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  /** An idle connection died; a leased one is found broken when it is returned. */
  #dropBroken(connection: PooledConnection): void {
    const index = this.#idle.indexOf(connection);
    if (index !== -1) {
      this.#idle.splice(index, 1);
      this.#retire(connection, 'broken');
    }
  }

  #reap(): void {
    const now = performance.now();
    let surplus =
      this.#idle.length + this.#leases.size + this.#connecting - this.#settings.poolSize;
    // Oldest first: they are at the bottom of the stack.
    for (const connection of this.#idle.slice()) {
      const isOverflow = surplus > 0 && now - connection.idleSince > this.#settings.idleTimeoutMs;
      const isOld = connection.ageMs > connection.lifetimeMs;
      if (isOverflow || isOld) {
        this.#idle.splice(this.#idle.indexOf(connection), 1);
        this.#retire(connection, isOld ? 'lifetime' : 'idle');
        surplus -= 1;
      }
    }
  }

  #settle(waiter: Waiter): Waiter {
    clearTimeout(waiter.timer);
    this.#waiters.delete(waiter);
    return waiter;
  }

  #giveUp(waiter: Waiter): void {
    const waitedMs = Math.round(performance.now() - waiter.since);
    const { idle, used, connecting, waiting } = this.stats();
    this.#settle(waiter).reject(
      new DatabaseError(
        'DB_POOL_TIMEOUT',
        `no connection within ${waitedMs} ms: ${used} in use, ${idle} idle, ${connecting} connecting, ${waiting} waiting; ` +
          'see DB_POOL_SIZE, DB_MAX_OVERFLOW and what holds the connections',
        { pool: this.#settings.poolName, waitedMs, used, idle, connecting, waiting },
        { cause: this.#lastConnectError },
      ),
    );
  }

  #fullError(): DatabaseError {
    const { used, idle, connecting, waiting } = this.stats();
    return new DatabaseError(
      'DB_POOL_FULL',
      `${waiting} borrowers wait already; see DB_QUEUE_LIMIT, DB_POOL_SIZE and DB_MAX_OVERFLOW`,
      { pool: this.#settings.poolName, used, idle, connecting, waiting },
    );
  }

  #notifyEmpty(): void {
    if (this.#leases.size === 0 && this.#connecting === 0) {
      this.#onEmpty?.();
    }
  }
}

function closedError(pool: string): DatabaseError {
  return new DatabaseError('DB_CLOSED', `the pool ${pool} is closed`);
}
