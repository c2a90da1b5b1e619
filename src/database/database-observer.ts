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

/** Tells every listener each event; one that throws keeps neither the teller nor the others from going on. */
export function composeObservers(observers: readonly DatabaseObserver[]): DatabaseObserver {
  const tell = <E>(name: keyof DatabaseObserver) => {
    const listeners = observers.filter((observer) => observer[name] !== undefined);
    if (listeners.length === 0) {
      return {};
    }
    return {
      [name]: (event: E) => {
        Object.freeze(event);
        for (const listener of listeners) {
          try {
            (listener[name] as (this: DatabaseObserver, event: E) => void).call(listener, event);
          } catch {
            // Promised above: telemetry never breaks what it watches.
          }
        }
      },
    };
  };
  return {
    ...tell<SessionStarted>('sessionStarted'),
    ...tell<SessionEnded>('sessionEnded'),
    ...tell<ConnectionOpened>('connectionOpened'),
    ...tell<ConnectionClosed>('connectionClosed'),
    ...tell<ConnectionFailed>('connectionFailed'),
    ...tell<QueryEnded>('queryEnded'),
    ...tell<VerdictChanged>('verdictChanged'),
  };
}
