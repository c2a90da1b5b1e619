import { readFile } from 'node:fs/promises';
import { createPostgreSqlTypeParsers } from '@mikro-orm/postgresql';
import pg from 'pg';
import type { ClientConfig } from 'pg';
import type { DatabaseConnection } from '#database/database-options.ts';
import { connectError } from '#database/connect-advice.ts';
import { DatabaseError } from '#database/database-error.ts';
import { guardedSocket } from './guarded-socket.ts';
import { PREPARED_PER_CONNECTION } from './statement-names.ts';

/** What a new connection needs to know. Times in milliseconds; 0 switches a server-side timeout off. */
export interface ConnectionOptions {
  readonly connection: DatabaseConnection;
  readonly applicationName: string;
  /** Deadline of the whole attempt: password, socket, login, session settings. */
  readonly connectTimeoutMs: number;
  /** Server settings of the connection, set once after login; none behind a transaction pooler. */
  readonly sessionSettings: Readonly<Record<string, string>>;
  /** All borrowers are one and the same work: what one of them sets stays set for the next. */
  readonly isOneWork?: boolean;
}

// A peer that vanished is found by keepalive: 5 s, then 9 probes of the system's default interval.
const KEEP_ALIVE_DELAY_MS = 5000;
// The end of a failed statement is a packet behind its error.
const SETTLE_MS = 1000;

/** One physical connection and what the pool remembers of it. */
export class PooledConnection {
  readonly client: pg.Client;
  readonly openedAt = performance.now();
  /** The pool's generation it was opened in. */
  readonly generation: number;
  /** Age in milliseconds at which it is replaced. */
  readonly lifetimeMs: number;
  readonly #prepared = new Set<string>();
  #timesForgotten = 0;
  readonly #isOneWork: boolean;
  #hasLostSettings = false;
  idleSince = performance.now();
  isBroken = false;

  private constructor(
    client: pg.Client,
    generation: number,
    lifetimeMs: number,
    { isOneWork = false }: ConnectionOptions,
  ) {
    this.client = client;
    this.#isOneWork = isOneWork;
    this.generation = generation;
    this.lifetimeMs = lifetimeMs;
  }

  /**
   * Opens a connection, or fails within the deadline or when the signal is aborted, and leaves no socket behind.
   *
   * @throws DatabaseError with the code that says why
   */
  static async open(
    options: ConnectionOptions,
    generation: number,
    lifetimeMs: number,
    onBroken: (connection: PooledConnection) => void,
    signal?: AbortSignal,
  ): Promise<PooledConnection> {
    const over = new AbortController();
    const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
    const end = (reason: DatabaseError) => {
      over.abort();
      giveUp(reason);
    };
    const timer = setTimeout(() => end(timedOut(options)), options.connectTimeoutMs);
    const abort = () => end(new DatabaseError('DB_CLOSED', 'the pool is closed'));
    signal?.addEventListener('abort', abort);
    let connection: PooledConnection | undefined;
    const attempt = async () => {
      const config = await clientConfig(options);
      over.signal.throwIfAborted();
      connection = new PooledConnection(new pg.Client(config), generation, lifetimeMs, options);
      connection.#watch(onBroken);
      await connection.#login(options.sessionSettings);
      return connection;
    };
    try {
      return await Promise.race([attempt(), givenUp]);
    } catch (error) {
      connection?.destroy();
      throw connectError(error, options.connection);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  get pid(): number | undefined {
    const pid: unknown = Reflect.get(this.client, 'processID');
    return typeof pid === 'number' ? pid : undefined;
  }

  get ageMs(): number {
    return performance.now() - this.openedAt;
  }

  /**
   * Whether the next borrower may have it: alive, with the settings it was opened with, without a statement under way
   * and outside any transaction.
   */
  get isReusable(): boolean {
    return (
      !this.isBroken &&
      !this.#hasLostSettings &&
      !this.#isBusy &&
      this.client.getTransactionStatus() === 'I'
    );
  }

  /**
   * Resolves once the server has ended a statement that failed. Its error comes first; only then is it known whether the
   * connection lives and in which state its transaction is.
   */
  async settled(): Promise<void> {
    if (this.isBroken || !this.#isBusy) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, SETTLE_MS);
    this.client.once('drain', resolve);
    await this.unlessLost(promise);
    clearTimeout(timer);
    this.client.off('drain', resolve);
  }

  /** Resolves with the work, or when the connection is gone: then the work may never. */
  async unlessLost(work: Promise<void>): Promise<void> {
    if (this.isBroken) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.client.once('end', resolve);
    await Promise.race([work, promise]).finally(() => this.client.off('end', resolve));
  }

  /** The name under which this connection prepares a statement, or undefined when it has prepared as many as it may. */
  prepare(name: string): string | undefined {
    // pg takes a name that it has sent once for prepared for ever.
    const ownName = this.#timesForgotten === 0 ? name : `${name}_${this.#timesForgotten}`;
    if (!this.#prepared.has(ownName) && this.#prepared.size >= PREPARED_PER_CONNECTION) {
      return undefined;
    }
    this.#prepared.add(ownName);
    return ownName;
  }

  /** Call with every statement and its command: some change or undo what was set up for the connection. */
  noteCommand(command: string, text: string): void {
    if (command === 'DISCARD' || command === 'DEALLOCATE') {
      this.#prepared.clear();
      this.#timesForgotten += 1;
    }
    const isSet = !this.#isOneWork && isSessionWide(command, text);
    if (command === 'DISCARD' || command === 'RESET' || isSet) {
      this.#hasLostSettings = true;
    }
  }

  /** Says goodbye to the server; resolves when the socket is closed, by force after the deadline. */
  async close(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.destroy(), deadlineMs);
    try {
      await this.client.end();
    } catch {
      // The connection is gone already, which is what was wanted.
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes the socket at once, whatever it is doing. */
  destroy(): void {
    this.isBroken = true;
    streamOf(this.client)?.destroy();
  }

  /** adapter: not declared by pg; a pool that could not read it would reuse no connection, which its tests notice. */
  get #isBusy(): boolean {
    return Reflect.get(this.client, 'readyForQuery') !== true;
  }

  #watch(onBroken: (connection: PooledConnection) => void): void {
    const broken = () => {
      this.isBroken = true;
      onBroken(this);
    };
    // Both stay for life: an `error` without a listener ends the process.
    this.client.on('error', broken);
    this.client.on('end', broken);
  }

  async #login(settings: Readonly<Record<string, string>>): Promise<void> {
    await this.client.connect();
    const names = Object.keys(settings);
    if (names.length > 0) {
      const list = names.map(
        (_name, index) => `set_config($${index * 2 + 1}, $${index * 2 + 2}, false)`,
      );
      await this.client.query(`select ${list.join(', ')}`, Object.entries(settings).flat());
    }
  }
}

async function clientConfig(options: ConnectionOptions): Promise<ClientConfig> {
  const { connection } = options;
  const password = await readPassword(connection);
  return {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    user: connection.user,
    // pg asks the environment for a password that is missing or empty; a function is neither.
    password: () => password,
    ssl: false,
    application_name: options.applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    types: typeParsers(),
    stream: guardedSocket,
  };
}

/** Read for every connection, before its socket is opened: a rotated password needs no restart, a failure no socket. */
async function readPassword(connection: DatabaseConnection): Promise<string> {
  if (connection.passwordFile === undefined) {
    return connection.password?.reveal() ?? '';
  }
  try {
    return (await readFile(connection.passwordFile, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const errno: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    throw new DatabaseError(
      'DB_AUTH_FAILED',
      `the password file cannot be read (${String(errno)})`,
    );
  }
}

const TEXT_ARRAY_OID = 1009;

/** Dates and times as the server's text, as MikroORM expects them. */
function typeParsers(): pg.TypeOverrides {
  const types = new pg.TypeOverrides();
  // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter: pg declares its parsers by the number in their first overload.
  const parseTextArray = types.getTypeParser(TEXT_ARRAY_OID, 'text') as unknown as (
    text: string,
  ) => string[];
  for (const [oid, parser] of Object.entries(createPostgreSqlTypeParsers(parseTextArray))) {
    types.setTypeParser(Number(oid), parser);
  }
  return types;
}

function timedOut({ connectTimeoutMs }: ConnectionOptions): DatabaseError {
  return new DatabaseError('DB_CONNECT_TIMEOUT', `${connectTimeoutMs} ms`);
}

/** adapter: pg's socket is not public; a contract test fails loudly when it moves. */
function streamOf(client: pg.Client): { destroy(): void } | undefined {
  const inner: unknown = Reflect.get(client, 'connection');
  const stream: unknown =
    typeof inner === 'object' && inner !== null ? Reflect.get(inner, 'stream') : undefined;
  return isDestroyable(stream) ? stream : undefined;
}

function isDestroyable(stream: unknown): stream is { destroy(): void } {
  return (
    typeof stream === 'object' &&
    stream !== null &&
    typeof Reflect.get(stream, 'destroy') === 'function'
  );
}

/** Whether a setting outlives its transaction; `set local`, `set transaction` and `set_config(…, true)` do not. */
function isSessionWide(command: string, text: string): boolean {
  return command === 'SET'
    ? !/^\s*set\s+(local|transaction|constraints)\b/i.test(text)
    : /\bset_config\s*\(/i.test(text.replaceAll(/\bset_config\s*\([^()]*,\s*true\s*\)/gi, ''));
}
