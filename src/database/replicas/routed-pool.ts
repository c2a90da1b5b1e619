import { DatabaseError } from '#database/database-error.ts';
import type { ConnectionPool } from '#database/pool/connection-pool.ts';
import type { LeasedClient } from '#database/pool/leased-client.ts';
import type { Replica } from './replica.ts';

/** A session that borrows connections: from its replica, as long as it has one. */
export interface Reader {
  replica: Replica | undefined;
  readonly holder: { readonly signal?: AbortSignal | undefined };
}

/** What a pool of several servers works with. */
export interface RoutedPoolParts {
  readonly primary: ConnectionPool;
  readonly acquireTimeoutMs: number;
  /** Whose work runs now; undefined: nobody's that may be sent to a replica. */
  readonly currentReader: () => Reader | undefined;
  /** A reader got no connection from its replica and goes to the primary. */
  readonly onFallback: () => void;
}

/** Of the acquire timeout, what a reader waits for its replica; the rest is for the primary. */
const REPLICA_SHARE = 0.5;

/**
 * One pool to kysely, several to the service: whoever asks gets a connection to the server that the current session was
 * sent to. A reader whose replica has no connection for it gets one to the primary within the same deadline, and stays
 * there.
 */
export class RoutedPool {
  readonly options: object = Object.freeze({});
  readonly #parts: RoutedPoolParts;

  constructor(parts: RoutedPoolParts) {
    this.#parts = parts;
  }

  async connect(): Promise<LeasedClient> {
    const { primary, acquireTimeoutMs, currentReader, onFallback } = this.#parts;
    const reader = currentReader();
    const replica = reader?.replica;
    if (reader === undefined || replica === undefined) {
      return await primary.connect();
    }
    const startedAt = performance.now();
    try {
      return await replica.pool.connect(acquireTimeoutMs * REPLICA_SHARE);
    } catch (error) {
      const isGone = reader.holder.signal?.aborted === true;
      if (isGone || !(error instanceof DatabaseError) || error.code === 'DB_CLOSED') {
        throw error;
      }
      replica.failed(error);
      if (reader.replica === replica) {
        // Statements side by side fall back together, and once.
        reader.replica = undefined;
        onFallback();
      }
      return await primary.connect(Math.max(0, acquireTimeoutMs - (performance.now() - startedAt)));
    }
  }

  /** Each pool is closed by whoever made it. */
  async end(): Promise<void> {
    await Promise.resolve();
  }
}
