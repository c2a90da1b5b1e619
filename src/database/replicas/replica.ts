import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import type { ConnectionPool } from '#database/pool/connection-pool.ts';
import type { ReplicaMonitor } from './replica-monitor.ts';
import type { ReplicaStanding } from './replica-standing.ts';

/** What a replica that has failed says: nobody else should be sent there before it has been looked at. */
const FAILURES: ReadonlySet<DatabaseErrorCode> = new Set([
  'DB_CONNECT_REFUSED',
  'DB_CONNECT_TIMEOUT',
  'DB_HOST_NOT_FOUND',
  'DB_CONNECTION_LOST',
  'DB_UNAVAILABLE',
]);

/** A server that replays what the primary writes: a pool of its own, and what is known of how well it follows. */
export class Replica {
  /** Of its pool. */
  readonly name: string;
  readonly pool: ConnectionPool;
  readonly #monitor: ReplicaMonitor;

  constructor(name: string, pool: ConnectionPool, monitor: ReplicaMonitor) {
    this.name = name;
    this.pool = pool;
    this.#monitor = monitor;
  }

  get standing(): ReplicaStanding {
    return this.#monitor.standing;
  }

  /** Whether it may be read from now by somebody who must see all that was written up to there. */
  isUsable(readAfter: bigint | undefined): boolean {
    const { state, replayed } = this.#monitor.standing;
    return (
      state === 'usable' &&
      (readAfter === undefined || (replayed !== undefined && replayed >= readAfter)) &&
      // One whose last attempt has failed serves with what it has.
      (this.pool.gate.cause === undefined || this.pool.stats().idle > 0)
    );
  }

  start(): void {
    this.pool.start();
    this.#monitor.start();
  }

  /** Work on it has failed: where that is its own failure, those who come now go elsewhere. */
  failed(error: unknown): void {
    if (error instanceof DatabaseError && FAILURES.has(error.code)) {
      this.#monitor.doubt(error);
    }
  }

  /** Refuses waiters, lets leases end within the grace in milliseconds, then closes everything. */
  async end(graceMs: number): Promise<void> {
    await Promise.all([this.#monitor.stop(), this.pool.end(graceMs)]);
  }
}
