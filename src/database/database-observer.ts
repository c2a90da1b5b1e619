import type { DatabaseErrorCode } from '#database/database-error.ts';

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

/** How a session ended: `error` means that neither commit nor rollback could be confirmed. */
export const SESSION_OUTCOMES = ['commit', 'rollback', 'error'] as const;
export type SessionOutcome = (typeof SESSION_OUTCOMES)[number];

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

export interface QueryEnded {
  readonly pool: string;
  /** Milliseconds at the client, without the wait for a connection. */
  readonly durationMs: number;
  readonly code: DatabaseErrorCode | undefined;
}

/** The health probe's verdict changed. */
export interface VerdictChanged {
  readonly pool: string;
  readonly from: string;
  readonly to: string;
  readonly code: DatabaseErrorCode | undefined;
  readonly message: string;
}

/**
 * What the database folder tells the outside. Every method is optional and gets one frozen object;
 * a listener that throws is never noticed by the teller.
 */
export interface DatabaseObserver {
  sessionStarted?(event: SessionStarted): void;
  sessionEnded?(event: SessionEnded): void;
  connectionOpened?(event: ConnectionOpened): void;
  connectionClosed?(event: ConnectionClosed): void;
  connectionFailed?(event: ConnectionFailed): void;
  queryEnded?(event: QueryEnded): void;
  verdictChanged?(event: VerdictChanged): void;
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
  const connectionOpened = tell<ConnectionOpened>((to) => to.connectionOpened?.bind(to));
  const connectionClosed = tell<ConnectionClosed>((to) => to.connectionClosed?.bind(to));
  const connectionFailed = tell<ConnectionFailed>((to) => to.connectionFailed?.bind(to));
  const queryEnded = tell<QueryEnded>((to) => to.queryEnded?.bind(to));
  const verdictChanged = tell<VerdictChanged>((to) => to.verdictChanged?.bind(to));
  // An event that nobody listens to is not even made: its method is absent.
  return {
    ...(sessionStarted && { sessionStarted }),
    ...(sessionEnded && { sessionEnded }),
    ...(connectionOpened && { connectionOpened }),
    ...(connectionClosed && { connectionClosed }),
    ...(connectionFailed && { connectionFailed }),
    ...(queryEnded && { queryEnded }),
    ...(verdictChanged && { verdictChanged }),
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
