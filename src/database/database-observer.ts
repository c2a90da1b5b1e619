import type { DatabaseErrorCode } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import type { HostFault } from '#database/server/host-figures.ts';
import type { ReplicaState } from '#database/replicas/replica-standing.ts';
import type { WorkScope } from '#database/work-scope.ts';

/** Why a connection was closed. A closed list: it is a log field and a metric label. */
export const RETIRE_REASONS = [
  'idle',
  'lifetime',
  'broken',
  'timeout',
  'failed_ping',
  'dirty',
  'failover',
  'evicted',
  'shutdown',
] as const;
export type RetireReason = (typeof RETIRE_REASONS)[number];

/** How an acquire ended: an idle connection, one opened for it, one that somebody returned; or none. */
export const ACQUIRE_OUTCOMES = ['reused', 'new', 'queued', 'timeout', 'refused', 'error'] as const;
export type AcquireOutcome = (typeof ACQUIRE_OUTCOMES)[number];

/** Why a lease was taken back: the socket failed, it was closed, or the watchdog gave the statement up. */
export const RECLAIM_REASONS = ['error', 'end', 'timeout'] as const;
export type ReclaimReason = (typeof RECLAIM_REASONS)[number];

export const PING_OUTCOMES = ['ok', 'failed'] as const;
export type PingOutcome = (typeof PING_OUTCOMES)[number];

/** What became of repeating work: begun again, succeeded then, failed as often as allowed, refused by the budget. */
export const RETRY_OUTCOMES = ['retried', 'succeeded', 'given_up', 'budget'] as const;
export type RetryOutcome = (typeof RETRY_OUTCOMES)[number];

/** How a session ended: `error` means that neither commit nor rollback could be confirmed. */
export const SESSION_OUTCOMES = ['commit', 'rollback', 'error'] as const;
export type SessionOutcome = (typeof SESSION_OUTCOMES)[number];

/** Why a session that only reads was not sent to a replica, or left it: none may be read from; none has what it must see; none had a connection. */
export const REPLICA_FALLBACK_REASONS = ['unusable', 'read_after', 'connect'] as const;
export type ReplicaFallbackReason = (typeof REPLICA_FALLBACK_REASONS)[number];

export interface SessionStarted {
  readonly pool: string;
  readonly session: string;
  readonly readOnly: boolean;
}

export interface SessionEnded extends SessionStarted {
  readonly outcome: SessionOutcome;
  readonly durationMs: number;
  readonly code: DatabaseErrorCode | undefined;
}

/** A session that may be repeated met a serialization failure or a deadlock. */
export interface SessionRetried {
  readonly pool: string;
  readonly session: string;
  readonly outcome: RetryOutcome;
}

/** Somebody asked for a connection and got one, or did not. */
export interface AcquireEnded {
  readonly pool: string;
  readonly holder: string;
  readonly scope: WorkScope | undefined;
  readonly outcome: AcquireOutcome;
  /** Milliseconds of wait, connect and ping together. */
  readonly waitedMs: number;
}

/** A lease is over, returned or taken back. */
export interface LeaseEnded {
  readonly pool: string;
  readonly holder: string;
  readonly scope: WorkScope | undefined;
  readonly heldMs: number;
}

/** A connection died, or was killed by the watchdog, while it was leased: its slot is free again. */
export interface LeaseReclaimed extends LeaseEnded {
  readonly reason: ReclaimReason;
  readonly pid: number | undefined;
}

/** A lease is held for longer than the leak threshold. Told once a lease. */
export interface LeaseLeaked extends LeaseEnded {
  readonly pid: number | undefined;
  /** Where its holder began. */
  readonly stack: string | undefined;
}

/** A lease that had been reported as leaked came back after all. */
export interface LeakReturned extends LeaseEnded {
  readonly pid: number | undefined;
}

/** An idle connection was verified before use. */
export interface PingEnded {
  readonly pool: string;
  readonly pid: number | undefined;
  readonly outcome: PingOutcome;
  readonly durationMs: number;
}

/** The server was asked to cancel the statement of a holder that had gone away. */
export interface QueryCancelled {
  readonly pool: string;
  readonly holder: string;
  readonly scope: WorkScope | undefined;
}

export interface ConnectionOpened {
  readonly pool: string;
  /** Process id of the server backend. */
  readonly pid: number | undefined;
  readonly durationMs: number;
}

export interface ConnectionClosed {
  readonly pool: string;
  readonly pid: number | undefined;
  readonly reason: RetireReason;
  readonly ageMs: number;
}

export interface ConnectionFailed {
  readonly pool: string;
  readonly code: DatabaseErrorCode;
  readonly host: string;
  readonly port: number;
  readonly message: string;
}

/** The server did not tell its figures: without them it looks as if it were down. */
export interface FiguresFailed {
  readonly pool: string;
  readonly code: DatabaseErrorCode;
  readonly message: string;
}

/** CPU and memory of the server cannot be had, or not all of them. Told once for each fault. */
export interface HostFiguresMissing {
  readonly pool: string;
  readonly fault: HostFault;
  /** What to do about it. */
  readonly advice: string;
}

/** A statement was answered, failed, or, read by a cursor, is read no further. */
export interface QueryEnded {
  readonly pool: string;
  /** Where it was sent. */
  readonly server: Pick<DatabaseConnection, 'host' | 'port' | 'database'>;
  readonly holder: string;
  readonly scope: WorkScope | undefined;
  /** As it was sent: it may hold values, so that no observer lets it out without sanitising it. */
  readonly text: string;
  /** First word in capitals: `SELECT`, `START`; `OTHER` for what PostgreSQL does not have. */
  readonly operation: string;
  /** First table, with its schema where the text has one; undefined when there is none. */
  readonly collection: string | undefined;
  /** Milliseconds at the client, without the wait for a connection; of a cursor, those of all its reads. */
  readonly durationMs: number;
  /** Undefined: it succeeded. */
  readonly code: DatabaseErrorCode | undefined;
  /** It was read by a cursor, in parts. */
  readonly isStream: boolean;
  /** As the server sent it, when it did. */
  readonly sqlState: string | undefined;
}

/** The health probe's verdict changed. */
export interface VerdictChanged {
  readonly pool: string;
  readonly from: string;
  readonly to: string;
  readonly code: DatabaseErrorCode | undefined;
  readonly message: string;
}

/** The server, or our role on it, is not as the service would have it. */
export interface SelfCheckFound {
  readonly pool: string;
  /** Stable; a row in docs/operations.md each. */
  readonly id: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly message: string;
  readonly advice: string;
}

/** The server could not be asked; it will be asked again. */
export interface SelfCheckFailed {
  readonly pool: string;
  readonly code: DatabaseErrorCode;
  readonly message: string;
}

/** A replica is read from, or is not any more. */
export interface ReplicaChanged {
  readonly pool: string;
  readonly from: ReplicaState;
  readonly to: ReplicaState;
  /** Undefined: not known. */
  readonly lagMs: number | undefined;
  readonly code: DatabaseErrorCode | undefined;
  readonly message: string;
}

/** A session that only reads went to the primary although there are replicas. */
export interface ReplicaFallback {
  /** The primary's. */
  readonly pool: string;
  readonly reason: ReplicaFallbackReason;
}

/**
 * What the database folder tells the outside. Every method is optional and gets one frozen object;
 * a listener that throws is never noticed by the teller.
 */
export interface DatabaseObserver {
  sessionStarted?(event: SessionStarted): void;
  sessionEnded?(event: SessionEnded): void;
  sessionRetried?(event: SessionRetried): void;
  acquireEnded?(event: AcquireEnded): void;
  leaseEnded?(event: LeaseEnded): void;
  leaseReclaimed?(event: LeaseReclaimed): void;
  leaseLeaked?(event: LeaseLeaked): void;
  leakReturned?(event: LeakReturned): void;
  pingEnded?(event: PingEnded): void;
  queryCancelled?(event: QueryCancelled): void;
  connectionOpened?(event: ConnectionOpened): void;
  connectionClosed?(event: ConnectionClosed): void;
  connectionFailed?(event: ConnectionFailed): void;
  figuresFailed?(event: FiguresFailed): void;
  hostFiguresMissing?(event: HostFiguresMissing): void;
  queryEnded?(event: QueryEnded): void;
  verdictChanged?(event: VerdictChanged): void;
  selfCheckFound?(event: SelfCheckFound): void;
  selfCheckFailed?(event: SelfCheckFailed): void;
  replicaChanged?(event: ReplicaChanged): void;
  replicaFallback?(event: ReplicaFallback): void;
}

type Listener<E> = ((event: E) => void) | undefined;

/** Tells every listener each event; one that throws keeps neither the teller nor the others from going on. */
export function composeObservers(observers: readonly DatabaseObserver[]): DatabaseObserver {
  const tell = <E extends object>(
    listenerOf: (observer: DatabaseObserver) => Listener<E>,
  ): Listener<E> => {
    const listeners = observers.map(listenerOf).filter((listener) => listener !== undefined);
    return listeners.length === 0 ? undefined : (event) => tellAll(listeners, event);
  };
  const sessionStarted = tell<SessionStarted>((to) => to.sessionStarted?.bind(to));
  const sessionEnded = tell<SessionEnded>((to) => to.sessionEnded?.bind(to));
  const sessionRetried = tell<SessionRetried>((to) => to.sessionRetried?.bind(to));
  const acquireEnded = tell<AcquireEnded>((to) => to.acquireEnded?.bind(to));
  const leaseEnded = tell<LeaseEnded>((to) => to.leaseEnded?.bind(to));
  const leaseReclaimed = tell<LeaseReclaimed>((to) => to.leaseReclaimed?.bind(to));
  const leaseLeaked = tell<LeaseLeaked>((to) => to.leaseLeaked?.bind(to));
  const leakReturned = tell<LeakReturned>((to) => to.leakReturned?.bind(to));
  const pingEnded = tell<PingEnded>((to) => to.pingEnded?.bind(to));
  const queryCancelled = tell<QueryCancelled>((to) => to.queryCancelled?.bind(to));
  const connectionOpened = tell<ConnectionOpened>((to) => to.connectionOpened?.bind(to));
  const connectionClosed = tell<ConnectionClosed>((to) => to.connectionClosed?.bind(to));
  const connectionFailed = tell<ConnectionFailed>((to) => to.connectionFailed?.bind(to));
  const figuresFailed = tell<FiguresFailed>((to) => to.figuresFailed?.bind(to));
  const hostFiguresMissing = tell<HostFiguresMissing>((to) => to.hostFiguresMissing?.bind(to));
  const queryEnded = tell<QueryEnded>((to) => to.queryEnded?.bind(to));
  const verdictChanged = tell<VerdictChanged>((to) => to.verdictChanged?.bind(to));
  const selfCheckFound = tell<SelfCheckFound>((to) => to.selfCheckFound?.bind(to));
  const selfCheckFailed = tell<SelfCheckFailed>((to) => to.selfCheckFailed?.bind(to));
  const replicaChanged = tell<ReplicaChanged>((to) => to.replicaChanged?.bind(to));
  const replicaFallback = tell<ReplicaFallback>((to) => to.replicaFallback?.bind(to));
  // An event that nobody listens to is not even made: its method is absent.
  return {
    ...(sessionStarted && { sessionStarted }),
    ...(sessionEnded && { sessionEnded }),
    ...(sessionRetried && { sessionRetried }),
    ...(acquireEnded && { acquireEnded }),
    ...(leaseEnded && { leaseEnded }),
    ...(leaseReclaimed && { leaseReclaimed }),
    ...(leaseLeaked && { leaseLeaked }),
    ...(leakReturned && { leakReturned }),
    ...(pingEnded && { pingEnded }),
    ...(queryCancelled && { queryCancelled }),
    ...(connectionOpened && { connectionOpened }),
    ...(connectionClosed && { connectionClosed }),
    ...(connectionFailed && { connectionFailed }),
    ...(figuresFailed && { figuresFailed }),
    ...(hostFiguresMissing && { hostFiguresMissing }),
    ...(queryEnded && { queryEnded }),
    ...(verdictChanged && { verdictChanged }),
    ...(selfCheckFound && { selfCheckFound }),
    ...(selfCheckFailed && { selfCheckFailed }),
    ...(replicaChanged && { replicaChanged }),
    ...(replicaFallback && { replicaFallback }),
  };
}

function tellAll<E extends object>(listeners: readonly ((event: E) => void)[], event: E): void {
  Object.freeze(event);
  for (const listener of listeners) {
    try {
      listener(event);
    } catch {
      // Promised above: telemetry never breaks what it watches.
    }
  }
}
