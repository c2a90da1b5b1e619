import type { DatabaseErrorCode } from '#database/database-error.ts';
import type { DatabaseVerdict } from '#database/health/database-verdict.ts';
import type { ActivityReport, ServerSession } from '#database/server/session-activity.ts';
import type { HolderStats, PoolStats, WaiterStats } from './pool-stats.ts';

/** What is most in the way now, the worst first: only the first that holds is told. */
export type PoolVerdict = 'database down' | 'leaking' | 'database slow' | 'saturated' | 'healthy';

/** The gate before every attempt to connect, as far as the report shows it. */
export interface GateState {
  readonly mayTry: boolean;
  /** Of the last attempt, unless one has succeeded since. */
  readonly cause?: Fault | undefined;
}

/** A failure in words that whoever runs the service may read. */
export interface Fault {
  readonly code: DatabaseErrorCode;
  readonly message: string;
}

/** One pool at one moment, and what its server says. */
export interface PoolInputs {
  readonly stats: PoolStats;
  readonly holders: readonly HolderStats[];
  readonly waiters: readonly WaiterStats[];
  readonly gate: GateState;
  /** Of the health probe. */
  readonly probe: Pick<DatabaseVerdict, 'state' | 'code' | 'message'>;
  readonly activity: ActivityReport;
}

/** A holder, and what the server says of its connection: absent when the server was not asked or knows no such session. */
export interface HolderReport extends HolderStats {
  readonly server?: ServerSession;
}

/** What `GET /pool` shows: who has the connections, who waits for one, what is wrong. Whole milliseconds. */
export interface PoolReport extends Omit<
  PoolStats,
  'name' | 'prepared' | 'usedSeconds' | 'exhaustedSeconds' | 'certificatesExpireAt'
> {
  readonly pool: string;
  readonly verdict: PoolVerdict;
  /** The verdict as a sentence with its numbers. */
  readonly reason: string;
  /** The longest held first. */
  readonly holders: readonly HolderReport[];
  /** In the order in which they will be served. */
  readonly waiters: readonly WaiterStats[];
  readonly connect: {
    /** Whether an attempt would be made now. */
    readonly mayTry: boolean;
    readonly lastError?: Fault;
  };
  readonly server: { readonly answer: ActivityReport['answer']; readonly error?: Fault };
}

/** A statement that has run for longer makes the database slow: as long as a slow query is by default. */
const SLOW_MS = 200;

/** Joins the pool's figures with the server's and judges them. */
export function poolReport(inputs: PoolInputs): PoolReport {
  const { stats, waiters, gate, activity } = inputs;
  const {
    name,
    prepared: _prepared,
    usedSeconds: _used,
    exhaustedSeconds: _exhausted,
    certificatesExpireAt: _expiry,
    ...counts
  } = stats;
  const holders = inputs.holders
    .map((holder) => withServer(holder, activity))
    .toSorted((one, other) => other.heldMs - one.heldMs);
  return {
    pool: name,
    ...judge(inputs, holders),
    ...counts,
    oldestWaitMs: Math.round(counts.oldestWaitMs),
    oldestUseMs: Math.round(counts.oldestUseMs),
    holders,
    waiters: waiters.map((waiter) => ({ ...waiter, waitedMs: Math.round(waiter.waitedMs) })),
    connect: { mayTry: gate.mayTry, ...(gate.cause && { lastError: faultOf(gate.cause) }) },
    server: {
      answer: activity.answer,
      ...(activity.answer === 'failed' && { error: faultOf(activity.error) }),
    },
  };
}

function withServer(holder: HolderStats, activity: ActivityReport): HolderReport {
  const server =
    activity.answer === 'given' && holder.pid !== undefined
      ? activity.sessions.get(holder.pid)
      : undefined;
  return {
    ...holder,
    heldMs: Math.round(holder.heldMs),
    queryMs: holder.queryMs && Math.round(holder.queryMs),
    ...(server && { server }),
  };
}

function judge(
  { stats, gate, probe }: PoolInputs,
  holders: readonly HolderReport[],
): Pick<PoolReport, 'verdict' | 'reason'> {
  const { used, idle, max, waiting, oldestWaitMs } = stats;
  if (probe.state === 'down') {
    return { verdict: 'database down', reason: probe.message };
  }
  if (gate.cause !== undefined && used + idle === 0) {
    const reason = `no connection is open and none can be opened: ${gate.cause.message}`;
    return { verdict: 'database down', reason };
  }
  const [leaked, ...furtherLeaks] = holders.filter(({ isLeaked }) => isLeaked);
  if (leaked !== undefined) {
    const others = furtherLeaks.length === 0 ? '' : `, and ${furtherLeaks.length} more leak`;
    const reason = `${named(leaked)} has held a connection for ${ms(leaked.heldMs)}${others}; its stack says where it was leased`;
    return { verdict: 'leaking', reason };
  }
  const slow = holders
    .filter(({ queryMs = 0 }) => queryMs > SLOW_MS)
    .reduce<HolderReport | undefined>(
      (slowest, next) => ((slowest?.queryMs ?? 0) >= (next.queryMs ?? 0) ? slowest : next),
      undefined,
    );
  const isSaturated = waiting > 0 && (used >= max || gate.cause !== undefined);
  const inUse =
    used >= max || gate.cause === undefined
      ? `all ${max} connections are in use`
      : `${used} of ${max} connections are in use, no further one can be opened (${gate.cause.message})`;
  const borrowers = counted(waiting, 'borrower waits', 'borrowers wait');
  const saturation = `${inUse} and ${borrowers}, the first for ${ms(oldestWaitMs)}`;
  if (slow !== undefined) {
    const reason = `${slow.lastQuery ?? 'a statement'} of ${named(slow)} has been running for ${ms(slow.queryMs)}${waitOf(slow, holders)}`;
    return { verdict: 'database slow', reason: isSaturated ? `${reason}; ${saturation}` : reason };
  }
  if (isSaturated) return { verdict: 'saturated', reason: saturation };
  const opening = `${borrowers} for a connection that is being opened or verified`;
  if (waiting > 0 && oldestWaitMs > SLOW_MS) {
    return { verdict: 'database slow', reason: `${opening}, the first for ${ms(oldestWaitMs)}` };
  }
  const waits = waiting === 0 ? 'nobody waits' : opening;
  return { verdict: 'healthy', reason: `${used} of ${max} connections are in use, ${waits}` };
}

/** What the server says such a statement waits for. */
function waitOf({ server }: HolderReport, holders: readonly HolderReport[]): string {
  if (server === undefined) return '';
  const { blockedBy, waitEventType, waitEvent } = server;
  if (blockedBy.length > 0) {
    const blockers = blockedBy.map((pid) => {
      const holder = holders.find((other) => other.pid === pid);
      return holder === undefined ? `pid ${pid}` : named(holder);
    });
    return `, blocked by ${blockers.join(', ')}`;
  }
  return waitEvent === undefined ? '' : `, waiting for ${waitEventType ?? 'Wait'}/${waitEvent}`;
}

function named({ name, pid }: HolderStats): string {
  return pid === undefined ? name : `${name} (pid ${pid})`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function ms(duration = 0): string {
  return `${Math.round(duration)} ms`;
}

/** The gate's cause is an error, which JSON would show with more than its words. */
function faultOf({ code, message }: Fault): Fault {
  return { code, message };
}
