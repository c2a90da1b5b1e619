import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import type { ConnectGate } from '#database/pool/connect-gate.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';

/** Which server is asked, and as whom. */
export interface ProbeConnectionOptions {
  readonly connection: DatabaseConnection;
  readonly applicationName: string;
  /** Deadline of a connect, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Read back after the login: where they cannot be had, there is no connection. */
  readonly sessionSettings: Readonly<Record<string, string>>;
  /** It leads to a pooler. */
  readonly isPooled: boolean;
  /** Shared with the pool: while it is closed nobody connects. */
  readonly gate: ConnectGate;
  readonly signal: AbortSignal;
}

const DEADLINE_MS = 1000;

/** The connection of somebody who looks at a server again and again, never through the pool's queue. */
export class ProbeConnection {
  readonly #options: ProbeConnectionOptions;
  #connection: PooledConnection | undefined;

  constructor(options: ProbeConnectionOptions) {
    this.#options = options;
  }

  /**
   * Runs a look, which has a second; one that fails on a connection that was there before is repeated once on a new one.
   *
   * @throws what `look` throws, or why there is no connection
   */
  async ask<T>(look: (client: pg.Client) => Promise<T>): Promise<T> {
    const isFresh = this.#connection === undefined;
    return await this.#ask(look).catch((error: unknown) => {
      if (isFresh) {
        throw error;
      }
      return this.#ask(look);
    });
  }

  /** The next look is on a new connection, for which the name of the host is resolved again. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close(DEADLINE_MS);
  }

  async #ask<T>(look: (client: pg.Client) => Promise<T>): Promise<T> {
    const connection = (this.#connection ??= await this.#connect());
    let isLate = false;
    // A server that hangs is not asked again on the same socket.
    const timer = setTimeout(() => {
      isLate = true;
      void connection.destroy();
    }, DEADLINE_MS);
    try {
      return await look(connection.client);
    } catch (error) {
      void connection.destroy();
      this.#connection = undefined;
      throw isLate ? late() : error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #connect(): Promise<PooledConnection> {
    const { gate, signal, ...options } = this.#options;
    const opening = {
      onBroken: () => undefined,
      signal,
      verify: (opened: PooledConnection) => opened.verifySettings(options.sessionSettings),
    };
    const opened = await gate.attempt(() => PooledConnection.open(options, opening), true);
    // A script that forgets to stop whoever looks ends all the same.
    opened.keepProcess(false);
    return opened;
  }
}

function late(): DatabaseError {
  return new DatabaseError('DB_CONNECTION_LOST', `no answer within ${DEADLINE_MS} ms`, {
    isLate: true,
  });
}
