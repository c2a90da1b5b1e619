import type { DatabaseVerdict } from '#database/health/database-verdict.ts';
import { poolReport } from '#database/pool/pool-report.ts';
import type { GateState, PoolReport } from '#database/pool/pool-report.ts';
import type { HolderStats, PoolStats, WaiterStats } from '#database/pool/pool-stats.ts';
import type { SessionActivity } from './session-activity.ts';

/** The pool that is reported on, and who else knows of it. */
export interface ReportSources {
  /** A session manager, as far as it is needed. */
  readonly sessions: {
    stats(): PoolStats;
    holders(): readonly HolderStats[];
    waiters(): readonly WaiterStats[];
    readonly connectGate: GateState;
  };
  /** Undefined where the server's process ids are not those of the connections, as behind a pooler. */
  readonly activity: Pick<SessionActivity, 'of'> | undefined;
  readonly probe: () => Pick<DatabaseVerdict, 'state' | 'code' | 'message'>;
}

/** The first pool of a service, and the others, in the same shape. */
export interface PoolsReport extends PoolReport {
  readonly pools: readonly PoolReport[];
}

/** What is known of a pool that no probe watches: what its own attempts to connect have come to. */
export const UNPROBED = Object.freeze({
  state: 'up',
  code: undefined,
  message: 'not probed',
}) satisfies ReturnType<ReportSources['probe']>;

/** Reports on several pools at once, as `reportPool` on one. */
export async function reportPools(
  main: ReportSources,
  others: readonly ReportSources[],
): Promise<PoolsReport> {
  const [report, ...pools] = await Promise.all([reportPool(main), ...others.map(reportPool)]);
  return { ...report, pools };
}

/** Reports on a pool as it is now, within half a second whatever hangs. Throws only when the pool is not open. */
async function reportPool({ sessions, activity, probe }: ReportSources): Promise<PoolReport> {
  // Taken before the server is asked: who holds a connection is whom it is asked about.
  const pool = {
    stats: sessions.stats(),
    waiters: sessions.waiters(),
    // Last, since the making of stacks takes its time.
    holders: sessions.holders(),
    gate: sessions.connectGate,
    probe: probe(),
  };
  const pids = pool.holders.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  return poolReport({ ...pool, activity: (await activity?.of(pids)) ?? { answer: 'not asked' } });
}
