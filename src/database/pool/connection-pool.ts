import { DatabaseError } from '#database/database-error.ts';
import { composeObservers } from '#database/database-observer.ts';
import type { DatabaseObserver, RetireReason } from '#database/database-observer.ts';
import { Canceller } from './canceller.ts';
import { sendCancelRequest } from './cancel-request.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { ConnectGate } from './connect-gate.ts';
import type { Holder } from './holder.ts';
import type { Lease } from './lease.ts';
import { LeasedClient } from './leased-client.ts';
import type { LeasedClientOwner } from './leased-client.ts';
import type { OpenConnection } from './physical-connection.ts';
import { Pool } from './pool.ts';
import type { PoolSettings } from './pool.ts';
import type { HolderStats, PoolStats, WaiterStats } from './pool-stats.ts';
import { PooledConnection } from './pooled-connection.ts';
import type { ConnectionOptions } from './pooled-connection.ts';
import { mayChangeSession } from './statement-effects.ts';
import { StatementFacts } from '#sql/statement-facts.ts';
import { StatementNames } from './statement-names.ts';
import { sqlComment } from './sql-comment.ts';
import { transactionOpening } from './transaction-opening.ts';
import { summarize, summaryOf } from '#sql/statement-summary.ts';

/** A pool of connections to one server. */
export interface PoolOptions extends PoolSettings, ConnectionOptions {
  /** As `sessionSettings` tell the server; 0 = none. The watchdog waits a second longer. */
  readonly statementTimeoutMs: number;
  /** False behind a transaction pooler, where a prepared statement may be on another connection. */
  readonly isPreparing: boolean;
  /**
   * Whether a session that may have been changed is reset before the next holder has it. False where all holders are
   * one and the same work, and behind a transaction pooler, whose sessions are not ours.
   */
  readonly isResetting: boolean;
  /** Server settings of each transaction, sent with its BEGIN; undefined: the session has them. */
  readonly transactionSettings?: Readonly<Record<string, string>> | undefined;
  /**
   * Its sessions write: a connection that leads to a standby is not used, so that the next attempt resolves the name
   * anew. Absent: any server will do.
   */
  readonly isForWrites?: boolean;
  /** Tell the server where the statements of recorded traces come from; absent: no. */
  readonly sqlCommenter?: boolean;
}

/** What a pool works with beside its options; all of it has a default. */
export interface ConnectionPoolParts {
  /** Who asks for a connection now. */
  readonly currentHolder?: () => Holder | undefined;
  readonly clock?: Clock;
  /** In place of `PooledConnection.open`. */
  readonly open?: OpenConnection<PooledConnection>;
}

/** How many requests to cancel are under way at once, outside the pool's bound (reliability F22). */
const CANCEL_LIMIT = 2;

const TRANSACTIONS = { I: 'idle', T: 'open', E: 'failed' } as const;

/**
 * The pool of a server, as kysely wants one (`connect`, `end`, `options`), and all that can be asked of it. Its
 * mechanism is `Pool`; here it meets PostgreSQL.
 */
export class ConnectionPool {
  /** kysely copies these for a control connection; ours holds no secret. */
  readonly options: object = Object.freeze({});
  /** Shared by all that connect to the same server: the probe, the figures. */
  readonly gate: ConnectGate;
  readonly #settings: PoolOptions;
  readonly #clock: Clock;
  readonly #currentHolder: () => Holder | undefined;
  readonly #owner: LeasedClientOwner;
  readonly #pool: Pool<PooledConnection>;
  #hasVerifiedSettings = false;
  /** Of the connection that was opened last: rotated certificates come with new connections. */
  #certificatesExpireAt: number | undefined;

  constructor(
    settings: PoolOptions,
    observer: DatabaseObserver = {},
    parts: ConnectionPoolParts = {},
  ) {
    const { clock = systemClock, currentHolder = () => undefined } = parts;
    const { open = (options) => PooledConnection.open(settings, options) } = parts;
    const told = composeObservers([observer]);
    const { host, port, database, tls } = settings.connection;
    const server = Object.freeze({ host, port, database });
    const pool = settings.poolName;
    this.#settings = settings;
    const { transactionSettings } = settings;
    this.#clock = clock;
    this.#currentHolder = currentHolder;
    this.gate = new ConnectGate({
      clock,
      onFailure: ({ code, message }) =>
        told.connectionFailed?.({ pool, code, host, port, message }),
    });
    this.#pool = new Pool<PooledConnection>(settings, {
      open: async (options) => {
        const opened = await open({ ...options, verify: (fresh) => this.#verify(fresh) });
        // A script that forgets to close the pool ends all the same, once nobody holds or waits for a connection.
        opened.keepProcess(false);
        this.#certificatesExpireAt = opened.certificatesExpireAt;
        return opened;
      },
      gate: this.gate,
      observer: told,
      clock,
    });
    const canceller = new Canceller({ limit: CANCEL_LIMIT, send: sendCancelRequest });
    const effects = new StatementFacts(mayChangeSession);
    const summaries = new StatementFacts(summaryOf);
    this.#owner = {
      clock,
      statementNames: settings.isPreparing ? new StatementNames() : undefined,
      statementTimeoutMs: settings.statementTimeoutMs,
      openingOf:
        transactionSettings === undefined ? undefined : transactionOpening(transactionSettings),
      commentOf: settings.sqlCommenter === true ? sqlComment : () => undefined,
      mayChangeSession: settings.isResetting ? (text) => effects.of(text) : () => false,
      cancel: async ({ connection: { cancelKey } }, isWanted) => {
        if (cancelKey === undefined) {
          return 'unsent';
        }
        const target = { host, port, tls, ...cancelKey, timeoutMs: settings.connectTimeoutMs };
        return await canceller.cancel(isWanted, target);
      },
      cancelled: ({ holder }) =>
        told.queryCancelled?.({ pool, holder: holder.name, scope: holder.scope }),
      queryEnded(
        { holder: { name: holder, scope } },
        { text, durationMs, isStream, code, sqlState },
      ) {
        if (told.queryEnded !== undefined) {
          const { operation, collection } = summaries.of(text);
          told.queryEnded({
            pool,
            server,
            holder,
            scope,
            text,
            operation,
            collection,
            durationMs,
            isStream,
            code,
            sqlState,
          });
        }
      },
      doubted: (lease, reason, pauseMs) => this.#pool.evictWith(lease, reason, pauseMs),
    };
  }

  /** Opens connections up to the pool size in the background, and from now on replaces those that are lost. */
  start(): void {
    this.#pool.start();
  }

  /** Leases a connection, within another deadline than the acquire timeout if asked to; see `Pool.acquire` for what it throws. */
  async connect(deadlineMs?: number): Promise<LeasedClient> {
    try {
      const lease = await this.#pool.acquire(this.#currentHolder(), deadlineMs);
      return new LeasedClient(lease, this.#owner);
    } catch (error) {
      // Who asks again at once, for ever, would otherwise leave no turn to timers and sockets, and so to recovery.
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#clock.afterIo(resolve);
      await promise;
      throw error;
    }
  }

  /** Borrowers that it has or keeps waiting. */
  get load(): number {
    return this.#pool.load;
  }

  stats(): PoolStats {
    const certificatesExpireAt = this.#certificatesExpireAt;
    return certificatesExpireAt === undefined
      ? this.#pool.stats()
      : Object.freeze({ ...this.#pool.stats(), certificatesExpireAt });
  }

  /** Who holds a connection now, the longest first, and what for. */
  holders(): readonly HolderStats[] {
    const now = this.#clock.now();
    return this.#pool.leases().map((lease) => Object.freeze(holderStats(lease, now)));
  }

  /** Who waits for a connection now, the first in the queue first. */
  waiters(): readonly WaiterStats[] {
    return this.#pool.waiters();
  }

  /** Retires every connection that exists now: idle ones at once, leased ones when they are returned. */
  evict(reason?: RetireReason): void {
    this.#pool.evict(reason);
  }

  /** Refuses waiters, waits for leases up to the grace, then closes; resolves when every socket is closed. */
  async end(graceMs?: number): Promise<void> {
    await this.#pool.close(graceMs);
    this.gate.close();
  }

  /**
   * A server says by itself whether it is a standby. The settings are read back once, since a pooler in between may
   * swallow them. One that is known of answers a login itself, whatever has become of the server: only a statement tells.
   */
  async #verify(connection: PooledConnection): Promise<void> {
    if (this.#settings.isForWrites === true && connection.isStandby) {
      throw new DatabaseError('DB_READ_ONLY', 'it is a standby');
    }
    if (this.#settings.isPooled) {
      await connection.ping();
    }
    if (!this.#hasVerifiedSettings) {
      await connection.verifySettings(this.#settings.sessionSettings);
      this.#hasVerifiedSettings = true;
    }
  }
}

function holderStats(lease: Lease<PooledConnection>, now: number): HolderStats {
  const { statement, pid, transactionStatus } = lease.connection;
  return {
    name: lease.holder.name,
    traceId: lease.holder.scope?.traceId,
    heldMs: now - lease.since,
    pid,
    transaction: transactionStatus === undefined ? 'unknown' : TRANSACTIONS[transactionStatus],
    lastQuery: statement === undefined ? undefined : summarize(statement.text),
    queryMs:
      statement === undefined || statement.endedAt !== undefined
        ? undefined
        : now - statement.startedAt,
    isLeaked: lease.isLeaked,
    stack: lease.holder.stack?.text,
  };
}
