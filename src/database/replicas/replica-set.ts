import type { DatabaseObserver, ReplicaFallbackReason } from '#database/database-observer.ts';
import type { DatabaseConnection, DatabaseOptions } from '#database/database-options.ts';
import { sessionLimits, sessionPoolOptions } from '#database/pool-options.ts';
import { ConnectionPool } from '#database/pool/connection-pool.ts';
import type { Holder } from '#database/pool/holder.ts';
import { PrimaryTrail } from './primary-trail.ts';
import { Replica } from './replica.ts';
import { ReplicaMonitor } from './replica-monitor.ts';
import type { ReplicaStanding } from './replica-standing.ts';
import { parseWalPosition } from './wal-position.ts';

/** What a set of replicas works with. */
export interface ReplicaSetParts {
  readonly settings: DatabaseOptions;
  readonly observer: DatabaseObserver;
  /** Who asks for a connection now. */
  readonly currentHolder: () => Holder | undefined;
}

/** A replica as whoever looks at the service sees it. */
export interface ReplicaStats extends ReplicaStanding {
  readonly name: string;
  /** Further behind it is not read from. */
  readonly maxLagMs: number;
}

/** The replicas of one primary: which of them somebody who only reads is sent to. */
export class ReplicaSet {
  readonly #replicas: readonly Replica[];
  readonly #trail = new PrimaryTrail();
  readonly #observer: DatabaseObserver;
  readonly #primaryName: string;
  readonly #maxLagMs: number;
  #turn = 0;

  constructor(connections: readonly DatabaseConnection[], parts: ReplicaSetParts) {
    this.#observer = parts.observer;
    this.#primaryName = parts.settings.poolName;
    this.#maxLagMs = parts.settings.replicaMaxLagMs ?? 0;
    this.#replicas = connections.map((connection, index) =>
      this.#make(connection, `replica-${index + 1}`, parts),
    );
  }

  /** Begins to connect and to look, in the background: until a replica has been looked at it is not read from. */
  start(): void {
    for (const replica of this.#replicas) {
      replica.start();
    }
  }

  get pools(): readonly ConnectionPool[] {
    return this.#replicas.map(({ pool }) => pool);
  }

  stats(): readonly ReplicaStats[] {
    const maxLagMs = this.#maxLagMs;
    return this.#replicas.map(({ name, standing }) =>
      Object.freeze({ name, maxLagMs, ...standing }),
    );
  }

  /**
   * The replica with the fewest borrowers that may be read from, in turn where several have as few; undefined when there
   * is none. `readAfter`, a position in the primary's write-ahead log, is what the reader must see.
   */
  choose(readAfter: bigint | undefined): Replica | undefined {
    const usable = this.#replicas.filter((replica) => replica.isUsable(readAfter));
    if (usable.length === 0) {
      const isBehindReader = this.#replicas.some((replica) => replica.isUsable(undefined));
      this.fellBack(isBehindReader ? 'read_after' : 'unusable');
      return undefined;
    }
    this.#turn += 1;
    const from = this.#turn % usable.length;
    return [...usable.slice(from), ...usable.slice(0, from)].reduce((best, other) =>
      other.pool.load < best.pool.load ? other : best,
    );
  }

  /** A session that only reads goes to the primary. */
  fellBack(reason: ReplicaFallbackReason): void {
    this.#observer.replicaFallback?.({ pool: this.#primaryName, reason });
  }

  /** Where the primary is now. */
  notePrimary(walPosition: string): void {
    const position = parseWalPosition(walPosition);
    if (position !== undefined) {
      this.#trail.note(position, performance.now());
    }
  }

  async end(graceMs: number): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.end(graceMs)));
  }

  #make(
    connection: DatabaseConnection,
    poolName: string,
    { settings, observer, currentHolder }: ReplicaSetParts,
  ): Replica {
    const options = sessionPoolOptions({ ...settings, poolName, mayBeStandby: true }, connection);
    const pool = new ConnectionPool(options, observer, { currentHolder });
    const monitor = new ReplicaMonitor({
      connection: {
        connection,
        applicationName: `tidegauge/${poolName}/probe`,
        connectTimeoutMs: settings.connectTimeoutMs,
        sessionSettings: sessionLimits(settings),
        isPooled: settings.pooler === 'pgbouncer',
        gate: pool.gate,
      },
      maxLagMs: this.#maxLagMs,
      missingMs: (replayed) => this.#trail.missingMs(replayed, performance.now()),
      onChange: ({ state: from }, { state: to, lagMs, code, message }) => {
        if (from === 'promoted') {
          // Its name may lead to another server now, and its connections do not.
          pool.evict('failover');
        }
        observer.replicaChanged?.({ pool: poolName, from, to, lagMs, code, message });
      },
    });
    return new Replica(poolName, pool, monitor);
  }
}
