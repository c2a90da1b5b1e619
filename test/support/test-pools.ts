import { randomBytes } from 'node:crypto';
import { composeObservers } from '#database/database-observer.ts';
import type { DatabaseObserver } from '#database/database-observer.ts';
import { ConnectionPool } from '#database/pool/connection-pool.ts';
import type { ConnectionPoolParts, PoolOptions } from '#database/pool/connection-pool.ts';
import type { TestDatabase } from './test-database.ts';

/** One pool, what it has told of its connections, and how the server counts it. */
export interface TestPool {
  readonly pool: ConnectionPool;
  readonly options: PoolOptions;
  /** Reasons of closed connections, in order. */
  readonly closed: readonly string[];
  /** Codes of failed attempts to connect, in order. */
  readonly failed: readonly string[];
  /** Its connections, as the server counts them. */
  sessions(): Promise<number>;
}

/** What a test changes of a pool of two. */
export interface TestPoolOptions extends Partial<PoolOptions> {
  readonly observer?: DatabaseObserver;
  /** Its parts, made for its options. */
  readonly parts?: (options: PoolOptions) => ConnectionPoolParts;
}

/** The pools that the tests of one file open, so that they end with their test. */
export class TestPools {
  readonly #pools = new Set<ConnectionPool>();

  /** Opens a pool on the database under an application name of its own. */
  open(
    database: Pick<TestDatabase, 'connection' | 'query'>,
    { observer = {}, parts, ...changes }: TestPoolOptions = {},
  ): TestPool {
    const options: PoolOptions = {
      connection: database.connection,
      applicationName: `tidegauge/pool-${randomBytes(4).toString('hex')}`,
      poolName: 'test',
      poolSize: 2,
      maxOverflow: 0,
      queueLimit: 100,
      acquireTimeoutMs: 5000,
      connectTimeoutMs: 2000,
      idleTimeoutMs: 60_000,
      maxLifetimeMs: 60_000,
      prePing: true,
      prePingIdleMs: 500,
      prePingTimeoutMs: 500,
      leakThresholdMs: 0,
      statementTimeoutMs: 0,
      isPreparing: true,
      isResetting: true,
      isPooled: false,
      sessionSettings: {},
      ...changes,
    };
    const closed: string[] = [];
    const failed: string[] = [];
    const recorder: DatabaseObserver = {
      connectionClosed: ({ reason }) => void closed.push(reason),
      connectionFailed: ({ code }) => void failed.push(code),
    };
    const pool = new ConnectionPool(
      options,
      composeObservers([recorder, observer]),
      parts?.(options),
    );
    this.#pools.add(pool);
    const sessions = async () => {
      const [row] = await database.query<{ n: number }>(
        'select count(*)::int as n from pg_stat_activity where application_name = $1',
        [options.applicationName],
      );
      return row?.n ?? 0;
    };
    return { pool, options, closed, failed, sessions };
  }

  /**
   * Closes all; call it after each test.
   *
   * @throws Error when a test has left a lease, a waiter or an attempt to connect
   */
  async closeAll(): Promise<void> {
    const left = [...this.#pools].map((pool) => pool.stats());
    await Promise.all([...this.#pools].map((pool) => pool.end(0)));
    this.#pools.clear();
    if (left.some(({ used, waiting, connecting }) => used + waiting + connecting > 0)) {
      throw new Error('a connection or a waiter is left over');
    }
  }
}
