import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { DatabaseError } from '#database/database-error.ts';
import { composeObservers } from '#database/database-observer.ts';
import type {
  AcquireOutcome,
  DatabaseObserver,
  ReclaimReason,
  RetireReason,
} from '#database/database-observer.ts';
import { asDatabaseError } from '#database/map-database-error.ts';
import { AdmissionQueue } from './admission-queue.ts';
import { systemClock } from './clock.ts';
import type { Clock, Timer } from './clock.ts';
import type { ConnectGate } from './connect-gate.ts';
import { UNKNOWN_HOLDER } from './holder.ts';
import type { Holder } from './holder.ts';
import { Lease } from './lease.ts';
import type { OpenConnection, PhysicalConnection } from './physical-connection.ts';
import { connectFailure, poolClosed, poolFull, poolTimeout } from './pool-errors.ts';
import type { PoolSituation } from './pool-errors.ts';
import type { PoolStats, WaiterStats } from './pool-stats.ts';
import { UseTime } from './use-time.ts';

/** Counts and times of one pool; times in milliseconds. */
export interface PoolSettings {
  readonly poolName: string;
  /** Connections kept when there is no demand. */
  readonly poolSize: number;
  /** Further connections while there is demand; the hard bound is the sum. */
  readonly maxOverflow: number;
  /** Borrowers that may wait; further ones are refused at once. */
  readonly queueLimit: number;
  /** Deadline of a whole acquire: wait, connect, ping. */
  readonly acquireTimeoutMs: number;
  /** Deadline of one attempt to connect. */
  readonly connectTimeoutMs: number;
  /** Idle connections above the pool size are closed after this. */
  readonly idleTimeoutMs: number;
  /** Age limit of a connection, minus up to 10 % fixed at birth. */
  readonly maxLifetimeMs: number;
  /** Whether a connection that has been idle for longer than `prePingIdleMs` is verified before use. */
  readonly prePing: boolean;
  readonly prePingIdleMs: number;
  readonly prePingTimeoutMs: number;
  /** A lease held longer is reported; 0 = never. */
  readonly leakThresholdMs: number;
}

/** What a pool works with. */
export interface PoolParts<C extends PhysicalConnection> {
  readonly open: OpenConnection<C>;
  /** Shared by all that connect to the same server; whoever made it closes it after them. */
  readonly gate: ConnectGate;
  readonly observer?: DatabaseObserver;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** One open connection and what the pool remembers of it. */
interface Entry<C extends PhysicalConnection> {
  readonly connection: C;
  readonly openedAt: number;
  readonly lifetimeMs: number;
  /** The pool's generation in which its opening began. */
  readonly generation: number;
  /** When the server last answered on it. */
  provenAt: number;
  idleSince: number;
  lease: Lease<C> | undefined;
}

const TICK_MS = 1000;
const LIFETIME_JITTER = 0.1;
/** Connections that were opened together are replaced one after the other: at most 3 within 100 ms (reliability F17). */
const AGE_PAUSE_MS = 50;
/** For the server to take its leave of a connection; its slot is held meanwhile, since the server still counts it. */
const GOODBYE_MS = 500;
const RESET_TIMEOUT_MS = 1000;
/** For sockets that are being closed when the grace of `close` is over. */
const LAST_GOODBYE_MS = 50;
/** Reasons for which nothing more is said to the server. */
const ABRUPT: ReadonlySet<RetireReason> = new Set(['broken', 'timeout', 'failed_ping']);

/**
 * Admits borrowers up to a bound, queues the rest in order with a deadline each, verifies what has been idle, and takes
 * back only connections that are alive, quiet and outside a transaction. A slot is never lost: a connection that dies
 * while it is leased frees its slot at once, whatever its holder does.
 *
 * A waiter is not tied to the connection that is opened or pinged for it: whichever is free first serves whoever has
 * waited longest. One file on purpose: all of it guards one invariant, `idle + used + connecting ≤ max`.
 */
export class Pool<C extends PhysicalConnection> {
  readonly #settings: PoolSettings;
  readonly #open: OpenConnection<C>;
  /** Runs what the pool does for itself outside of whichever request it happens to be done in. */
  readonly #outside = AsyncLocalStorage.snapshot();
  readonly #gate: ConnectGate;
  readonly #observer: DatabaseObserver;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #queue: AdmissionQueue<Lease<C>>;
  readonly #useTime: UseTime;
  readonly #stopListening: () => void;
  /** Every connection that is open and not retired. */
  readonly #entries = new Map<C, Entry<C>>();
  /** The one used last on top, so that overflow goes idle; hence ordered by `idleSince`. */
  readonly #idle: Entry<C>[] = [];
  /** The one held longest first. */
  readonly #leases = new Set<Lease<C>>();
  /** Retired, and their sockets not closed yet. */
  readonly #closing = new Map<C, Promise<void>>();
  readonly #graceIsOver = new AbortController();
  #opening = 0;
  /** Being pinged or reset. */
  #preparing = 0;
  #leaked = 0;
  #generation = 0;
  #evictReason: RetireReason = 'evicted';
  #pausesSince = -Infinity;
  #answeredAt = -Infinity;
  /** A borrower has been refused for want of a connection since the last one was opened. */
  #hasRefused = false;
  #agedAt = -Infinity;
  #isStarted = false;
  #tick: Timer | undefined;
  #closed: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(settings: PoolSettings, parts: PoolParts<C>) {
    const { clock = systemClock, random = Math.random } = parts;
    this.#settings = settings;
    // A connection outlives whoever asked for it: what it tells later must not carry that request's ids (reliability F40).
    this.#open = AsyncResource.bind(parts.open);
    this.#gate = parts.gate;
    this.#observer = composeObservers(parts.observer === undefined ? [] : [parts.observer]);
    this.#clock = clock;
    this.#random = random;
    this.#useTime = new UseTime(() => clock.now(), this.max);
    this.#queue = new AdmissionQueue({
      clock,
      deadlineMs: settings.acquireTimeoutMs,
      expired: ({ since }) => poolTimeout(this.#situation(), clock.now() - since),
      settled: ({ holder, since }, outcome) => this.#acquireEnded(holder, outcome, since),
    });
    this.#stopListening = this.#gate.onChange(() => this.#supply());
    this.#scheduleTick(this.#tickMs);
  }

  /** The hard bound. */
  get max(): number {
    return this.#settings.poolSize + this.#settings.maxOverflow;
  }

  /** Opens connections up to the pool size in the background, and from now on replaces those that are lost. */
  start(): void {
    this.#isStarted = true;
    this.#supply();
  }

  /** Borrowers that it has or keeps waiting. */
  get load(): number {
    return this.#leases.size + this.#queue.size;
  }

  /** A frozen picture of this moment. */
  stats(): PoolStats {
    const now = this.#clock.now();
    const [oldestLease] = this.#leases;
    const firstWaiter = this.#queue.first;
    const idle = this.#idle.length;
    const used = this.#leases.size;
    const connecting = this.#opening + this.#preparing;
    return Object.freeze({
      name: this.#settings.poolName,
      max: this.max,
      size: this.#settings.poolSize,
      idle,
      used,
      connecting,
      waiting: this.#queue.size,
      total: idle + used + connecting,
      oldestWaitMs: firstWaiter === undefined ? 0 : now - firstWaiter.since,
      oldestUseMs: oldestLease === undefined ? 0 : now - oldestLease.since,
      leaked: this.#leaked,
      prepared: this.#prepared,
      ...this.#useTime.read(),
    });
  }

  get #prepared(): number {
    let prepared = 0;
    for (const { prepared: ofOne } of this.#entries.keys()) {
      prepared += ofOne;
    }
    return prepared;
  }

  /** Leases that are held now, the oldest first. */
  leases(): readonly Lease<C>[] {
    return [...this.#leases];
  }

  /** Borrowers that wait now, the first in the queue first. */
  waiters(): readonly WaiterStats[] {
    const now = this.#clock.now();
    return [...this.#queue.all()].map(({ holder, since }) =>
      Object.freeze({ name: holder.name, traceId: holder.scope?.traceId, waitedMs: now - since }),
    );
  }

  /**
   * Leases a connection, within the acquire timeout or the deadline in milliseconds.
   *
   * @throws DatabaseError `DB_POOL_FULL` at once when the queue is full, `DB_POOL_TIMEOUT` after the deadline,
   * `DB_CLOSED` after `close`, or the code that says why no connection could be opened; the reason of the holder's
   * signal when that aborts
   */
  async acquire(holder: Holder = UNKNOWN_HOLDER, deadlineMs?: number): Promise<Lease<C>> {
    const since = this.#clock.now();
    const refused = (error: unknown, outcome: AcquireOutcome = 'error') => {
      this.#acquireEnded(holder, outcome, since);
      return error;
    };
    if (holder.signal?.aborted === true) {
      throw refused(holder.signal.reason);
    }
    if (this.#closed !== undefined) {
      throw refused(poolClosed(this.#settings.poolName));
    }
    const entry = this.#queue.size === 0 ? this.#takeIdle(true) : undefined;
    if (entry !== undefined) {
      const lease = this.#lease(entry, holder);
      this.#acquireEnded(holder, 'reused', since);
      return lease;
    }
    const cause = this.#hopeless;
    if (cause !== undefined) {
      throw refused(connectFailure(cause));
    }
    if (this.#isQueueFull) {
      throw refused(poolFull(this.#situation()), 'refused');
    }
    const lease = this.#queue.wait(holder, deadlineMs);
    this.#supply();
    return await lease;
  }

  /** Retires every connection that exists now: idle ones at once, leased ones when they are returned. */
  evict(reason: RetireReason = 'evicted'): void {
    this.#generation += 1;
    this.#evictReason = reason;
    for (const entry of this.#idle.slice()) {
      this.#retire(entry, reason);
    }
    this.#supply();
  }

  /**
   * As `evict`, once for all leases that one event has made doubtful: those of older generations are not heard, nor
   * those that tell of what lasts within `pauseMs` of the last one that did.
   */
  evictWith({ generation }: Lease<C>, reason: RetireReason, pauseMs = 0): void {
    const now = this.#clock.now();
    if (generation !== this.#generation || now - this.#pausesSince < pauseMs) {
      return;
    }
    if (pauseMs > 0) {
      this.#pausesSince = now;
    }
    this.evict(reason);
  }

  /**
   * Refuses waiters at once, waits for leases up to the grace in milliseconds, then closes their sockets; resolves when
   * every socket is closed, shortly after the grace at the latest.
   */
  async close(graceMs = 5000): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    await this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    // After the assignment of #closed, so that nothing is handed out any more.
    await Promise.resolve();
    this.#tick?.stop();
    this.#stopListening();
    this.#queue.refuseAll(() => poolClosed(this.#settings.poolName), 'error');
    this.evict('shutdown');
    await this.#emptyWithin(graceMs);
    this.#graceIsOver.abort();
    for (const entry of this.#entries.values()) {
      if (entry.lease?.revoke() === true) {
        this.#leaseEnded(entry.lease);
      }
      this.#retire(entry, 'shutdown', true);
    }
    await this.#emptyWithin(LAST_GOODBYE_MS);
    await Promise.all([...this.#closing.keys()].map((connection) => connection.destroy()));
    await Promise.all(this.#closing.values());
  }

  async #emptyWithin(ms: number): Promise<void> {
    if (this.#isEmpty) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = this.#clock.start(resolve, ms);
    await promise;
    timer.stop();
    this.#onEmpty = undefined;
  }

  get #isEmpty(): boolean {
    return this.#entries.size + this.#opening + this.#closing.size === 0;
  }

  get #hasRoom(): boolean {
    // One that is closing still counts at the server.
    return this.#entries.size + this.#opening + this.#closing.size < this.max;
  }

  /** Connections that will be free, or fail, without anybody returning them. */
  get #underWay(): number {
    return this.#opening + this.#preparing;
  }

  get #isQueueFull(): boolean {
    const canBegin = this.#idle.length > 0 || (this.#hasRoom && this.#gate.mayTry);
    return !canBegin && this.#queue.size - this.#underWay >= this.#settings.queueLimit;
  }

  /** Why nobody could be served within a useful time; undefined when somebody may. */
  get #hopeless(): DatabaseError | undefined {
    const { cause } = this.#gate;
    if (cause === undefined || this.#gate.mayTry || this.#idle.length > 0) {
      return undefined;
    }
    if (!this.#hasRefused && !isAnswer(cause)) {
      // Only attempts that nobody waited for have failed: the server may be back, and the next one tells (reliability H4).
      return undefined;
    }
    return this.#mayComeBack(cause) ? undefined : cause;
  }

  /** Whether a connection may become free although no new one can be opened. */
  #mayComeBack(cause: DatabaseError): boolean {
    if (cause.code === 'DB_TOO_MANY_CONNECTIONS') {
      // A limit of the server: it serves with what there is.
      return this.#leases.size + this.#underWay + this.#closing.size > 0;
    }
    const sinceAnswerMs = this.#clock.now() - this.#answeredAt;
    return (
      this.#preparing > 0 ||
      (this.#leases.size > 0 && sinceAnswerMs < this.#settings.connectTimeoutMs)
    );
  }

  /** Serves waiters with what is idle, verifies or opens as many as there are waiters left, and refills. */
  #supply(): void {
    if (this.#closed !== undefined) {
      return;
    }
    while (this.#queue.size > this.#underWay) {
      const entry = this.#takeIdle(false);
      if (entry !== undefined && this.#isFresh(entry)) {
        this.#serve(entry, 'reused');
      } else if (entry !== undefined) {
        void this.#ping(entry);
      } else if (this.#hasRoom && this.#gate.mayTry) {
        void this.#openOne();
      } else {
        break;
      }
    }
    while (this.#isStarted && this.#isBelowSize && this.#hasRoom && this.#gate.mayTry) {
      void this.#openOne();
    }
    const cause = this.#queue.size > 0 && this.#opening === 0 ? this.#hopeless : undefined;
    if (cause !== undefined) {
      this.#queue.refuseAll(() => connectFailure(cause), 'error');
    }
  }

  get #isBelowSize(): boolean {
    return this.#entries.size + this.#opening < this.#settings.poolSize;
  }

  /** The idle connection used last that can still be used; those found useless on the way are retired. */
  #takeIdle(mustBeFresh: boolean): Entry<C> | undefined {
    for (let entry = this.#idle.at(-1); entry !== undefined; entry = this.#idle.at(-1)) {
      const reason = this.#uselessness(entry);
      if (reason === undefined) {
        return mustBeFresh && !this.#isFresh(entry) ? undefined : this.#idle.pop();
      }
      this.#retire(entry, reason);
    }
    return undefined;
  }

  #isFresh({ idleSince }: Entry<C>): boolean {
    const { prePing, prePingIdleMs } = this.#settings;
    return !prePing || this.#clock.now() - idleSince <= prePingIdleMs;
  }

  #lease(entry: Entry<C>, holder: Holder): Lease<C> {
    const lease: Lease<C> = new Lease({
      connection: entry.connection,
      holder,
      since: this.#clock.now(),
      generation: entry.generation,
      onRelease: (released, mustDestroy) => this.#takeBack(entry, released, mustDestroy),
    });
    entry.lease = lease;
    this.#leases.add(lease);
    this.#useTime.changed(this.#leases.size);
    return lease;
  }

  /** Gives a connection to who has waited longest. */
  #serve(entry: Entry<C>, outcome: AcquireOutcome): void {
    const waiter = this.#queue.first;
    if (waiter === undefined) {
      entry.idleSince = this.#clock.now();
      this.#idle.push(entry);
      return;
    }
    waiter.serve(this.#lease(entry, waiter.holder), outcome);
  }

  /** A connection is free: for a waiter, for the idle ones, or for nobody. */
  #offer(entry: Entry<C>, outcome: AcquireOutcome): void {
    const reason = this.#uselessness(entry);
    if (reason === undefined) {
      this.#serve(entry, outcome);
    } else {
      this.#retire(entry, reason);
    }
    this.#supply();
  }

  async #openOne(): Promise<void> {
    this.#opening += 1;
    const generation = this.#generation;
    const startedAt = this.#clock.now();
    let connection: C;
    try {
      connection = await this.#gate.attempt(() =>
        this.#open({
          onBroken: (broken, reason) => this.#broken(broken, reason),
          signal: this.#graceIsOver.signal,
        }).catch((error: unknown) => {
          // Whatever it is: the gate counts it, or else the next attempt would be made at once, for ever.
          throw asDatabaseError(error, 'opening a connection failed');
        }),
      );
    } catch (error) {
      this.#opening -= 1;
      this.#openFailed(asDatabaseError(error, 'opening a connection failed'), startedAt);
      return;
    }
    this.#opening -= 1;
    const now = this.#clock.now();
    const entry: Entry<C> = {
      connection,
      openedAt: now,
      lifetimeMs: this.#settings.maxLifetimeMs * (1 - LIFETIME_JITTER * this.#random()),
      generation,
      provenAt: now,
      idleSince: now,
      lease: undefined,
    };
    this.#entries.set(connection, entry);
    this.#answeredAt = now;
    this.#hasRefused = false;
    this.#observer.connectionOpened?.({
      pool: this.#settings.poolName,
      pid: connection.pid,
      durationMs: now - startedAt,
    });
    this.#offer(entry, 'new');
  }

  #openFailed(failure: DatabaseError, startedAt: number): void {
    if (this.#closed !== undefined) {
      this.#tellIfEmpty();
      return;
    }
    if (!this.#mayComeBack(failure)) {
      for (const waiter of this.#queue.all()) {
        // Whoever came later has an attempt of its own under way.
        if (waiter.since <= startedAt) {
          this.#hasRefused = true;
          waiter.refuse(connectFailure(failure), 'error');
        }
      }
    }
    this.#supply();
  }

  async #ping(entry: Entry<C>): Promise<void> {
    const startedAt = this.#clock.now();
    const isOk = await this.#prepare(
      this.#outside(() => entry.connection.ping()),
      this.#settings.prePingTimeoutMs,
    );
    if (!this.#entries.has(entry.connection)) {
      // The end of the grace of `close` took it away.
      return;
    }
    const now = this.#clock.now();
    this.#observer.pingEnded?.({
      pool: this.#settings.poolName,
      pid: entry.connection.pid,
      outcome: isOk ? 'ok' : 'failed',
      durationMs: now - startedAt,
    });
    if (isOk) {
      this.#answered(entry);
      this.#offer(entry, 'reused');
      return;
    }
    this.#gate.suspect();
    this.#retire(entry, 'failed_ping');
    // What killed this one has most likely killed the others that have said nothing since.
    const doubtful = this.#idle.filter(({ provenAt }) => provenAt <= startedAt);
    for (const other of doubtful) {
      this.#retire(other, 'failed_ping');
    }
    this.#supply();
  }

  async #reset(entry: Entry<C>): Promise<void> {
    const resetting = this.#outside(() => entry.connection.reset());
    if (await this.#prepare(resetting, RESET_TIMEOUT_MS)) {
      this.#answered(entry);
      this.#offer(entry, 'queued');
    } else {
      this.#retire(entry, 'dirty');
      this.#supply();
    }
  }

  #answered(entry: Entry<C>): void {
    entry.provenAt = this.#clock.now();
    this.#answeredAt = entry.provenAt;
  }

  /** Counts a connection as being prepared while the work lasts; whether it succeeded in time. */
  async #prepare(work: Promise<void>, deadlineMs: number): Promise<boolean> {
    this.#preparing += 1;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const late = () => resolve(false);
    const timer = this.#clock.start(() => this.#clock.afterIo(late), deadlineMs);
    work.then(() => resolve(true), late);
    const isOk = await promise;
    timer.stop();
    this.#preparing -= 1;
    return isOk;
  }

  /** Takes a lease back from its holder. */
  #takeBack(entry: Entry<C>, lease: Lease<C>, mustDestroy: boolean): void {
    this.#leaseEnded(lease);
    entry.lease = undefined;
    const { connection } = entry;
    if (lease.isLeaked) {
      this.#observer.leakReturned?.({ ...this.#leaseFacts(lease), pid: connection.pid });
    }
    if (mustDestroy || !connection.isQuiet) {
      this.#retire(entry, connection.isAlive ? 'dirty' : 'broken');
      this.#supply();
      return;
    }
    this.#answered(entry);
    if (connection.needsReset && this.#uselessness(entry) === undefined) {
      void this.#reset(entry);
    } else {
      this.#offer(entry, 'queued');
    }
  }

  /** A connection died by itself: its slot is free now, whoever holds it. */
  #broken(connection: C, reason: ReclaimReason): void {
    const entry = this.#entries.get(connection);
    if (entry === undefined) {
      return;
    }
    if (this.#idle.includes(entry)) {
      this.#retire(entry, 'broken');
    } else if (entry.lease?.revoke() === true) {
      const { lease } = entry;
      this.#observer.leaseReclaimed?.({
        ...this.#leaseFacts(lease),
        reason,
        pid: connection.pid,
      });
      this.#leaseEnded(lease);
      this.#retire(entry, reason === 'timeout' ? 'timeout' : 'broken');
    } else {
      // It is being pinged or reset, which fails now.
      return;
    }
    this.#gate.suspect();
    this.#supply();
  }

  #leaseEnded(lease: Lease<C>): void {
    this.#leases.delete(lease);
    this.#useTime.changed(this.#leases.size);
    this.#observer.leaseEnded?.(this.#leaseFacts(lease));
    this.#leaked -= lease.isLeaked ? 1 : 0;
  }

  #leaseFacts({ holder, since }: Lease<C>) {
    return {
      pool: this.#settings.poolName,
      holder: holder.name,
      scope: holder.scope,
      heldMs: this.#clock.now() - since,
    };
  }

  /** Why a connection that nobody holds is not to be used again. */
  #uselessness(entry: Entry<C>): RetireReason | undefined {
    const { connection } = entry;
    if (!connection.isAlive) {
      return 'broken';
    }
    if (!connection.isQuiet) {
      return 'dirty';
    }
    if (this.#closed !== undefined) {
      return 'shutdown';
    }
    if (entry.generation !== this.#generation) {
      return this.#evictReason;
    }
    return this.#isAged(entry) ? 'lifetime' : undefined;
  }

  /** Whether a connection is to be replaced for its age now: one at a time. */
  #isAged({ openedAt, lifetimeMs }: Entry<C>): boolean {
    const now = this.#clock.now();
    return now - openedAt > lifetimeMs && now - this.#agedAt >= AGE_PAUSE_MS;
  }

  #retire(entry: Entry<C>, reason: RetireReason, isAbrupt = ABRUPT.has(reason)): void {
    const { connection } = entry;
    if (!this.#entries.delete(connection)) {
      return;
    }
    const idleAt = this.#idle.lastIndexOf(entry);
    if (idleAt !== -1) {
      this.#idle.splice(idleAt, 1);
    }
    const now = this.#clock.now();
    if (reason === 'lifetime') {
      this.#agedAt = now;
    }
    this.#observer.connectionClosed?.({
      pool: this.#settings.poolName,
      pid: connection.pid,
      reason,
      ageMs: now - entry.openedAt,
    });
    const closed = (isAbrupt ? connection.destroy() : connection.close(GOODBYE_MS)).then(() => {
      this.#closing.delete(connection);
      this.#gate.roomMade();
      this.#supply();
      this.#tellIfEmpty();
    });
    this.#closing.set(connection, closed);
  }

  get #tickMs(): number {
    const { idleTimeoutMs, leakThresholdMs } = this.#settings;
    const shortest = leakThresholdMs > 0 ? Math.min(idleTimeoutMs, leakThresholdMs) : idleTimeoutMs;
    return Math.min(TICK_MS, Math.max(shortest / 4, AGE_PAUSE_MS));
  }

  #scheduleTick(ms: number): void {
    this.#tick = this.#clock.start(() => this.#keepHouse(), ms, true);
  }

  #keepHouse(): void {
    this.#reportLeaks();
    this.#closeOverflow();
    const isMoreAged = this.#replaceAged();
    this.#supply();
    this.#scheduleTick(isMoreAged ? AGE_PAUSE_MS : this.#tickMs);
  }

  #closeOverflow(): void {
    const now = this.#clock.now();
    let surplus = this.#entries.size + this.#opening - this.#settings.poolSize;
    while (surplus > 0) {
      const [oldest] = this.#idle;
      if (oldest === undefined || now - oldest.idleSince <= this.#settings.idleTimeoutMs) {
        return;
      }
      this.#retire(oldest, 'idle');
      surplus -= 1;
    }
  }

  /** Replaces one idle connection that is too old; whether there are more. */
  #replaceAged(): boolean {
    const aged = this.#idle.filter((entry) => this.#isAged(entry));
    const [first] = aged;
    if (first !== undefined) {
      this.#retire(first, 'lifetime');
    }
    return aged.length > 1;
  }

  #reportLeaks(): void {
    const { leakThresholdMs } = this.#settings;
    if (leakThresholdMs === 0) {
      return;
    }
    const now = this.#clock.now();
    for (const lease of this.#leases) {
      if (now - lease.since <= leakThresholdMs) {
        return;
      }
      if (!lease.isLeaked) {
        lease.markLeaked();
        this.#leaked += 1;
        this.#observer.leaseLeaked?.({
          ...this.#leaseFacts(lease),
          pid: lease.connection.pid,
          stack: lease.holder.stack?.text,
        });
      }
    }
  }

  #situation(): PoolSituation {
    const [longest] = this.#leases;
    return {
      stats: this.stats(),
      longestHolder: longest?.holder.name,
      connectError: this.#gate.cause,
    };
  }

  #acquireEnded({ name, scope }: Holder, outcome: AcquireOutcome, since: number): void {
    const waitedMs = this.#clock.now() - since;
    if (scope?.database !== undefined) {
      scope.database.waitMs += waitedMs;
    }
    this.#observer.acquireEnded?.({
      pool: this.#settings.poolName,
      holder: name,
      scope,
      outcome,
      waitedMs,
    });
  }

  #tellIfEmpty(): void {
    if (this.#isEmpty) {
      this.#onEmpty?.();
    }
  }
}

/** Whether the server itself refused, for a reason that no restart mends: a wrong password, no such database. */
function isAnswer({ details: { sqlState } }: DatabaseError): boolean {
  return sqlState !== undefined && !sqlState.startsWith('57P');
}
