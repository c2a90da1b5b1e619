import { composeObservers } from '#database/database-observer.ts';
import type { ReclaimReason, RetireReason } from '#database/database-observer.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import type { Holder } from '#database/pool/holder.ts';
import type { Lease } from '#database/pool/lease.ts';
import { Pool } from '#database/pool/pool.ts';
import type { PoolParts, PoolSettings } from '#database/pool/pool.ts';
import { FakeClock } from './fake-clock.ts';
import type { FakeConnection } from './fake-connection.ts';
import { FakeServer } from './fake-server.ts';
import { PoolEvents } from './pool-events.ts';

/** One call of `acquire`, as the test sees it. */
export interface Borrower {
  readonly name: string;
  readonly askedAt: number;
  /** How many waited then. */
  readonly ahead: number;
  /** There was something idle, or room for something to be opened. */
  readonly couldBegin: boolean;
  readonly abort: (() => void) | undefined;
  isPending: boolean;
  /** It has gone away. */
  isAborted: boolean;
  lease: Lease<FakeConnection> | undefined;
  error: unknown;
  servedAt: number;
  /** It has called `release`. */
  isReturned: boolean;
  /** Its connection died by itself before that. */
  isRobbed: boolean;
}

/** A close that was asked for. */
interface Closing {
  readonly at: number;
  readonly graceMs: number;
  /** By the clock's account, until then. */
  readonly stalledMs: number;
  isDone: boolean;
}

/** How a pool is built from its parts; a test that wants a broken one wraps the parts or the pool. */
export type BuildPool = (settings: PoolSettings, parts: Parts) => Pool<FakeConnection>;
export type Parts = Required<PoolParts<FakeConnection>>;

const DEFAULT_SETTINGS: PoolSettings = Object.freeze({
  poolName: 'main',
  poolSize: 3,
  maxOverflow: 2,
  queueLimit: 100,
  acquireTimeoutMs: 2000,
  connectTimeoutMs: 1000,
  idleTimeoutMs: 10_000,
  maxLifetimeMs: 60_000,
  prePing: true,
  prePingIdleMs: 500,
  prePingTimeoutMs: 500,
  leakThresholdMs: 0,
});

/** A pool with a clock, a server and borrowers that the test controls. */
export class PoolWorld {
  readonly clock = new FakeClock();
  readonly server = new FakeServer(this.clock);
  readonly gate: ConnectGate;
  readonly settings: PoolSettings;
  readonly pool: Pool<FakeConnection>;
  readonly borrowers: Borrower[] = [];
  readonly events = new PoolEvents(this.clock);

  /** Whether an attempt to connect may have to wait for another one; the rules know. */
  mayGateRefuse: () => boolean = () => false;
  /** Told when a connection turns out to be dead. */
  readonly onSuspicion: (() => void)[] = [];
  isStarted = false;
  closing: Closing | undefined;

  constructor(
    settings: Partial<PoolSettings> = {},
    random: () => number = () => 0.5,
    build: BuildPool = (given, parts) => new Pool(given, parts),
  ) {
    this.settings = Object.freeze({ ...DEFAULT_SETTINGS, ...settings });
    this.server.connectTimeoutMs = this.settings.connectTimeoutMs;
    this.gate = new ConnectGate({ clock: this.clock, random });
    this.pool = build(this.settings, {
      open: this.server.connect,
      gate: this.gate,
      clock: this.clock,
      random,
      observer: composeObservers([
        this.events,
        { pingEnded: ({ outcome }) => void (outcome === 'failed' && this.#suspect()) },
      ]),
    });
  }

  /** Those who wait for a lease, in the order in which they asked. */
  get pending(): readonly Borrower[] {
    return this.borrowers.filter(({ isPending }) => isPending);
  }

  /** Those who hold a lease on a connection that is still there. */
  get holding(): readonly Borrower[] {
    return this.borrowers.filter(
      ({ lease, isReturned }) => !isReturned && lease?.connection.isOpen === true,
    );
  }

  /** Open connections that are being pinged or reset. */
  get preparing(): readonly FakeConnection[] {
    return this.server.open.filter(({ sent, isGivenUp }) => sent !== undefined && !isGivenUp);
  }

  /** Open connections that nobody holds and that are not being used or closed. */
  get idle(): readonly FakeConnection[] {
    const held = new Set(this.holding.map(({ lease }) => lease?.connection));
    return this.server.open.filter(
      (connection) =>
        !held.has(connection) && !connection.isGivenUp && connection.sent === undefined,
    );
  }

  /** Asks for a lease, and lets everything happen that needs no time. */
  async acquire(holder: Partial<Holder> & { readonly canAbort?: boolean } = {}): Promise<Borrower> {
    const borrower = this.ask(holder);
    await this.clock.tick();
    return borrower;
  }

  /** As `acquire`, for so many at once. */
  async acquireMany(count: number): Promise<readonly Borrower[]> {
    const borrowers = Array.from({ length: count }, () => this.ask());
    await this.clock.tick();
    return borrowers;
  }

  /** Asks for a lease. */
  ask({ canAbort = false, ...given }: Partial<Holder> & { canAbort?: boolean } = {}): Borrower {
    const controller = new AbortController();
    const holder: Holder = {
      name: `borrower ${this.borrowers.length + 1}`,
      ...given,
      ...(canAbort && { signal: controller.signal }),
    };
    const borrower: Borrower = {
      name: holder.name,
      askedAt: this.clock.now(),
      ahead: this.pending.length,
      couldBegin: this.#canBegin,
      abort: canAbort
        ? () => {
            borrower.isAborted = true;
            controller.abort(new Error('the client went away'));
          }
        : undefined,
      isPending: true,
      isAborted: false,
      lease: undefined,
      error: undefined,
      servedAt: NaN,
      isReturned: false,
      isRobbed: false,
    };
    this.borrowers.push(borrower);
    const settle = (): void => {
      borrower.isPending = false;
      borrower.servedAt = this.clock.now();
    };
    this.pool.acquire(holder).then(
      (lease) => {
        settle();
        borrower.lease = lease;
      },
      (error: unknown) => {
        settle();
        borrower.error = error;
      },
    );
    return borrower;
  }

  /** Gives a lease back, and lets everything happen that needs no time. */
  async giveBack(borrower: Borrower | undefined, mustDestroy = false): Promise<void> {
    if (borrower?.lease === undefined) {
      throw new Error('bug: this borrower has no lease');
    }
    const { lease } = borrower;
    borrower.isReturned = true;
    if (!lease.isOver) {
      // The server has just answered the holder's last statement.
      lease.connection.provenAt = this.clock.now();
    }
    lease.release(mustDestroy);
    await this.clock.tick();
  }

  /** Gives all leases back, in the order in which they were asked for. */
  async giveBackAll(): Promise<void> {
    for (const borrower of this.holding) {
      await this.giveBack(borrower);
    }
  }

  /** A connection dies by itself. */
  async break(connection: FakeConnection, reason: ReclaimReason = 'error'): Promise<void> {
    for (const borrower of this.holding) {
      borrower.isRobbed ||= borrower.lease?.connection === connection;
    }
    if (!connection.isGivenUp && connection.sent === undefined) {
      this.#suspect();
    }
    connection.break(reason);
    await this.clock.tick();
  }

  async start(): Promise<void> {
    this.isStarted = true;
    this.pool.start();
    await this.clock.tick();
  }

  async evict(reason?: RetireReason): Promise<void> {
    this.server.era += 1;
    this.pool.evict(reason);
    await this.clock.tick();
  }

  /** Asks the pool to close; `closing` tells when it has. */
  async close(graceMs: number): Promise<void> {
    const { stalledMs } = this.clock;
    const closing = { at: this.clock.now(), graceMs, stalledMs, isDone: false };
    this.closing ??= closing;
    void this.pool.close(graceMs).then(() => {
      this.gate.close();
      closing.isDone = true;
    });
    await this.clock.tick();
  }

  /** Why connections were closed, in the order in which they were. */
  get closeReasons(): readonly RetireReason[] {
    return this.events.closed.map(({ reason }) => reason);
  }

  /** Whether there is more that can be used or opened, for certain, than there are borrowers before. */
  get #canBegin(): boolean {
    const { server, clock, settings, pool, pending, preparing } = this;
    // One that is found useless on the way holds its slot until it is closed.
    const isCertain = this.idle.every(
      ({ isQuiet, openedAt }) => isQuiet && clock.now() - openedAt < settings.maxLifetimeMs * 0.9,
    );
    const room = this.mayGateRefuse() ? 0 : pool.max - server.open.length - server.opening;
    const underWay = server.opening + preparing.length;
    return isCertain && this.idle.length + room > pending.length - underWay;
  }

  #suspect(): void {
    for (const listener of this.onSuspicion) {
      listener();
    }
  }
}
