import { Socket } from 'node:net';
import pg from 'pg';
import type { QueryConfig, QueryResult } from 'pg';
import type { ReclaimReason } from '#database/database-observer.ts';
import { connectError } from '#database/connect-advice.ts';
import { DatabaseError } from '#database/database-error.ts';
import { openSecureSocket } from '#database/tls/secure-socket.ts';
import { clientConfig } from './client-config.ts';
import type { ClientOptions } from './client-config.ts';
import { assertProven, refuseToReveal } from './guard-login.ts';
import { innerConnection } from './inner-connection.ts';
import type { OpenOptions, PhysicalConnection } from './physical-connection.ts';
import { PreparedStatements } from './prepared-statements.ts';
import { resultsOf } from './results-of.ts';
import { backendPidIn } from './transaction-opening.ts';
import { verifyTls } from './verify-tls.ts';
import { withPassword } from './with-password.ts';
import type { PasswordOptions } from './with-password.ts';

/** What a new connection needs to know. */
export interface ConnectionOptions extends ClientOptions, PasswordOptions {
  /** A transaction pooler is in between: each transaction may run on another session of the server. */
  readonly isPooled: boolean;
}

// The end of a failed statement is a packet behind its error.
const SETTLE_MS = 1000;

/** One connection of pg and what is known of its server session. */
export class PooledConnection implements PhysicalConnection {
  readonly client: pg.Client;
  readonly preparedStatements: PreparedStatements;
  readonly #closed = Promise.withResolvers<void>();
  readonly #onBroken: OpenOptions<PooledConnection>['onBroken'];
  readonly #isPooled: boolean;
  #isAlive = true;
  #certificatesExpireAt: number | undefined;
  #isStandby = false;
  #transactionPid: number | undefined;
  /** Set by whoever runs a statement that may have changed the session. */
  needsReset = false;
  /** The statement that was sent last, for reports, and when; `endedAt` is undefined while it runs. */
  statement: { readonly text: string; readonly startedAt: number; endedAt?: number } | undefined;

  private constructor(
    client: pg.Client,
    onBroken: OpenOptions<PooledConnection>['onBroken'],
    isPooled: boolean,
  ) {
    this.client = client;
    this.preparedStatements = new PreparedStatements(client);
    this.#onBroken = onBroken;
    this.#isPooled = isPooled;
    innerConnection(client).on('parameterStatus', (message) => this.#noteParameter(message));
    // All stay for life: an `error` without a listener ends the process.
    client.on('error', () => this.#break('error'));
    client.on('end', () => {
      this.#closed.resolve();
      this.#break('end');
    });
  }

  /**
   * Opens a connection, or fails within the deadline or when the signal is aborted, and leaves no socket behind. A login
   * that is refused while the password file has changed is tried once more.
   *
   * @throws DatabaseError with the code that says why
   */
  static async open(
    options: ConnectionOptions,
    { signal, ...parts }: OpenOptions<PooledConnection>,
  ): Promise<PooledConnection> {
    const over = new AbortController();
    const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
    const end = (reason: DatabaseError) => {
      over.abort(reason);
      giveUp(reason);
    };
    // After a stall of the event loop the answer may be there already, unread.
    const timer = setTimeout(
      () => setImmediate(() => end(timedOut(options))),
      options.connectTimeoutMs,
    );
    const abort = () => end(new DatabaseError('DB_CLOSED', 'the pool is closed'));
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener('abort', abort);
    const { signal: anyEnd } = over;
    const attempt = withPassword(options, anyEnd, (password) =>
      PooledConnection.#logIn(options, password, { ...parts, signal: anyEnd }),
    );
    try {
      return await Promise.race([attempt, givenUp]);
    } catch (error) {
      over.abort(error);
      // It may have succeeded at the very moment it was given up.
      attempt.then((late) => late.destroy()).catch(() => undefined);
      throw connectError(error, options.connection);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Connects, logs in and verifies; closes its socket when the signal is aborted before it has. */
  static async #logIn(
    options: ConnectionOptions,
    password: string,
    { onBroken, signal, verify }: OpenOptions<PooledConnection>,
  ): Promise<PooledConnection> {
    const { tls } = options.connection;
    const secure = tls && (await openSecureSocket({ ...options.connection, tls }, signal));
    const client = new pg.Client(clientConfig(options, password, secure));
    const connection = new PooledConnection(client, onBroken, options.isPooled);
    connection.#certificatesExpireAt = secure?.certificatesExpireAt;
    const destroy = () => void connection.destroy();
    signal.addEventListener('abort', destroy);
    try {
      signal.throwIfAborted();
      if (tls === undefined || tls.mode === 'require') {
        refuseToReveal(client);
      }
      await client.connect();
      assertProven(client);
      if (tls !== undefined) {
        await verifyTls(client, connection.#stream, options.isPooled);
      }
      await verify?.(connection);
      return connection;
    } catch (error) {
      destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', destroy);
    }
  }

  /** The process of the server behind it; behind a transaction pooler there is none outside of a transaction. */
  get pid(): number | undefined {
    if (this.#isPooled) {
      return this.transactionStatus === 'I' ? undefined : this.#transactionPid;
    }
    return numberOf(this.client, 'processID');
  }

  /** What a request to cancel needs, as the peer introduced itself at login; never to be logged. */
  get cancelKey(): { readonly pid: number; readonly secretKey: number } | undefined {
    const pid = numberOf(this.client, 'processID');
    const secretKey = numberOf(this.client, 'secretKey');
    return pid === undefined || secretKey === undefined ? undefined : { pid, secretKey };
  }

  /** When the first certificate that it depends on expires, in Unix time, milliseconds; undefined without TLS. */
  get certificatesExpireAt(): number | undefined {
    return this.#certificatesExpireAt;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isQuiet(): boolean {
    return this.#isAlive && !this.#isBusy && this.transactionStatus === 'I';
  }

  /** As the server reports by itself, at the login and when it is promoted (PostgreSQL 14): it replays what another one writes. */
  get isStandby(): boolean {
    return this.#isStandby;
  }

  /** As the server reported it last: `I` outside, `T` in, `E` in a failed transaction. */
  get transactionStatus(): 'I' | 'T' | 'E' | undefined {
    return this.client.getTransactionStatus() ?? undefined;
  }

  get prepared(): number {
    return this.preparedStatements.size;
  }

  /** Sends what begins a transaction behind a transaction pooler, and learns which process of the server runs it. */
  async begin(message: QueryConfig): Promise<QueryResult> {
    this.#transactionPid = undefined;
    const result = await this.client.query(message);
    this.#transactionPid = backendPidIn(resultsOf(result).at(-1)?.rows ?? []);
    return result;
  }

  async ping(): Promise<void> {
    await this.client.query('select 1');
  }

  async reset(): Promise<void> {
    await this.client.query('discard all');
    this.preparedStatements.forget();
    this.needsReset = false;
  }

  /**
   * Asks the server for the settings that were sent with the login; nothing when there were none: behind a pooler that is
   * busy, every statement waits.
   *
   * @throws DatabaseError `CONFIG_INVALID` when one of them is not what was asked for
   */
  async verifySettings(settings: Readonly<Record<string, string>>): Promise<void> {
    if (Object.keys(settings).length === 0) {
      return;
    }
    const { rows } = await this.client.query<{ name: string; setting: string }>(
      'select name, setting from pg_catalog.pg_settings where name = any($1)',
      [Object.keys(settings)],
    );
    const found = new Map(rows.map(({ name, setting }) => [name, setting]));
    const different = Object.entries(settings).find(([name, asked]) => found.get(name) !== asked);
    if (different !== undefined) {
      const [name, asked] = different;
      throw new DatabaseError(
        'CONFIG_INVALID',
        `the server session has ${name} = ${found.get(name) ?? 'nothing'} although ${asked} was asked for: a pooler in between has dropped it; set DB_POOLER=pgbouncer where DATABASE_URL leads to one, and let DATABASE_DIRECT_URL lead to the server itself`,
      );
    }
  }

  /**
   * Resolves once the server has ended a statement that failed. Its error comes first; only then is it known whether the
   * connection lives and in which state its transaction is.
   */
  async settled(): Promise<void> {
    if (!this.#isAlive || !this.#isBusy) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, SETTLE_MS);
    this.client.once('drain', resolve);
    await this.unlessLost(promise);
    clearTimeout(timer);
    this.client.off('drain', resolve);
  }

  /** Resolves with the work; to undefined when the connection is gone before: then the work may never end. */
  async unlessLost<T>(work: Promise<T>): Promise<T | undefined> {
    if (!this.#isAlive) {
      work.catch(() => undefined);
      return undefined;
    }
    // Not a race with #closed itself: whatever races with a promise stays in memory until that is settled.
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const lost = () => resolve(undefined);
    this.client.once('end', lost);
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.client.off('end', lost);
    }
  }

  /** Whether it keeps the process alive, as every socket does at first: one that nobody holds should not. */
  keepProcess(isHeld: boolean): void {
    const stream = this.#stream;
    if (isHeld) {
      stream.ref();
    } else {
      stream.unref();
    }
  }

  /** The watchdog gave its statement up: whoever holds it loses it, and its socket is destroyed. */
  giveUp(): void {
    this.#break('timeout');
    void this.destroy();
  }

  async close(deadlineMs: number): Promise<void> {
    this.#isAlive = false;
    const timer = setTimeout(() => void this.destroy(), deadlineMs);
    try {
      await this.client.end();
      await this.#closed.promise;
    } catch {
      // The connection is gone already, which is what was wanted.
    } finally {
      clearTimeout(timer);
    }
  }

  async destroy(): Promise<void> {
    this.#isAlive = false;
    this.#stream.destroy();
    await this.#closed.promise;
  }

  get #stream(): Socket {
    const stream: unknown = Reflect.get(innerConnection(this.client), 'stream');
    if (!(stream instanceof Socket)) {
      throw new DatabaseError('DB_CONNECTION_LOST', 'bug: the socket of pg is not where it was');
    }
    return stream;
  }

  /** adapter: not declared by pg; a pool that could not read it would reuse no connection, which its tests notice. */
  get #isBusy(): boolean {
    return Reflect.get(this.client, 'readyForQuery') !== true;
  }

  #noteParameter(message: unknown): void {
    if (
      typeof message === 'object' &&
      message !== null &&
      Reflect.get(message, 'parameterName') === 'in_hot_standby'
    ) {
      this.#isStandby = Reflect.get(message, 'parameterValue') === 'on';
    }
  }

  #break(reason: ReclaimReason): void {
    if (this.#isAlive) {
      this.#isAlive = false;
      this.#onBroken(this, reason);
    }
  }
}

function timedOut({ connectTimeoutMs }: ConnectionOptions): DatabaseError {
  return new DatabaseError('DB_CONNECT_TIMEOUT', `${connectTimeoutMs} ms`);
}

function numberOf(client: pg.Client, name: 'processID' | 'secretKey'): number | undefined {
  const value: unknown = Reflect.get(client, name);
  return typeof value === 'number' ? value : undefined;
}
