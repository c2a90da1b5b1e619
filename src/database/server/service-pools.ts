import type { ConnectionPool } from '#database/pool/connection-pool.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { DatabaseSessionManager } from '#database/session-manager.ts';
import { reportPools, UNPROBED } from './report-pool.ts';
import type { PoolsReport, ReportSources } from './report-pool.ts';

/** What an eviction asked for: `retired` connections were idle, `retiring` ones are still in use or being opened. */
export interface EvictedConnections {
  readonly pool: string;
  readonly retired: number;
  readonly retiring: number;
}

/** The main pool, and the others. */
export interface EvictedPools extends EvictedConnections {
  readonly pools: readonly EvictedConnections[];
}

/** Whose pools they are, and who else knows of them. */
export interface ServicePoolsSources extends Pick<ReportSources, 'probe'> {
  readonly sessions: DatabaseSessionManager;
  readonly activity: () => ReportSources['activity'];
  readonly reporting: DatabaseSessionManager;
  readonly reportingActivity: () => ReportSources['activity'];
}

/** All pools of a service that are open: the main one, those of its replicas, and that of reports. */
export class ServicePools {
  readonly #sources: ServicePoolsSources;

  constructor(sources: ServicePoolsSources) {
    this.#sources = sources;
  }

  /** The main one first; empty before they are open. */
  stats(): readonly PoolStats[] {
    const { sessions, reporting } = this.#sources;
    return [sessions, reporting]
      .filter(({ isOpen }) => isOpen)
      .flatMap((manager) => manager.pools().map((pool) => pool.stats()));
  }

  /** What `GET /pool` tells, within half a second whatever hangs. Throws while the main pool is not open. */
  async report(): Promise<PoolsReport> {
    const { sessions, activity, probe, reportingActivity } = this.#sources;
    return await reportPools({ sessions, activity: activity(), probe }, [
      ...this.#reporting().map((reporting) => ({
        sessions: reporting,
        activity: reportingActivity(),
        probe: () => UNPROBED,
      })),
      ...this.#replicas().map(sourcesOf),
    ]);
  }

  /** Has every connection replaced, those in use when they come back. Throws while the main pool is not open. */
  evict(): EvictedPools {
    return {
      ...evict(this.#sources.sessions),
      pools: [...this.#reporting(), ...this.#replicas()].map(evict),
    };
  }

  #reporting(): readonly DatabaseSessionManager[] {
    const { reporting } = this.#sources;
    return reporting.isOpen ? [reporting] : [];
  }

  #replicas(): readonly ConnectionPool[] {
    return this.#sources.sessions.pools().slice(1);
  }
}

/** What is known of a replica's pool; `/healthz` has what its monitor has found. */
function sourcesOf(pool: ConnectionPool): ReportSources {
  return {
    sessions: {
      stats: () => pool.stats(),
      holders: () => pool.holders(),
      waiters: () => pool.waiters(),
      connectGate: pool.gate,
    },
    activity: undefined,
    probe: () => UNPROBED,
  };
}

function evict(pool: Pick<DatabaseSessionManager, 'stats' | 'evict'>): EvictedConnections {
  const { name, idle, used, connecting } = pool.stats();
  pool.evict();
  return { pool: name, retired: idle, retiring: used + connecting };
}
