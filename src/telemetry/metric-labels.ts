import type { DatabaseErrorCode } from '#database/database-error.ts';
import type {
  AcquireOutcome,
  PingOutcome,
  ReplicaFallbackReason,
  ReclaimReason,
  RetireReason,
  RetryOutcome,
  SessionOutcome,
} from '#database/database-observer.ts';
import type { HostFault, HostSource } from '#database/server/host-figures.ts';

/** The value of a method that is not in {@link HTTP_METHODS}, or not one of the route's. */
export const OTHER_METHOD = '_OTHER';
export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** The route of a request that no template takes. */
export const UNMATCHED_ROUTE = 'unmatched';

export const CONNECTION_STATES = ['idle', 'used', 'connecting'] as const;

export const CONNECT_FAILURE_REASONS = [
  'refused',
  'timeout',
  'dns',
  'auth',
  'tls',
  'too_many',
  'unavailable',
  'other',
] as const;
export type ConnectFailureReason = (typeof CONNECT_FAILURE_REASONS)[number];

/** What a statement does, as `db_operation_name`; `OTHER` is what is not listed. */
export const OPERATION_NAMES = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'WITH',
  'COPY',
  'CALL',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT',
  'RELEASE',
  'SET',
  'OTHER',
] as const;

/** Classes of errors, as `error_type`; empty for what succeeded. */
export const ERROR_TYPES = [
  '',
  'connection',
  'timeout',
  'cancelled',
  'conflict',
  'constraint',
  'other',
] as const;

/** Other words of PostgreSQL for the same. */
const SYNONYMS = new Map<string, (typeof OPERATION_NAMES)[number]>([
  ['START', 'BEGIN'],
  ['END', 'COMMIT'],
  ['ABORT', 'ROLLBACK'],
]);
const OPERATIONS = new Map([...OPERATION_NAMES.map((name) => [name, name] as const), ...SYNONYMS]);

/** The operation of a statement, by its first word in capitals. */
export function operationName(word: string): (typeof OPERATION_NAMES)[number] {
  return OPERATIONS.get(word) ?? 'OTHER';
}

/** The collection of a statement on a table that is none of the entities'. */
export const OTHER_COLLECTION = 'other';

/** Names the collection of a statement: one of `tables`, `other`, or nothing. */
export function collectionNames(
  tables: readonly string[],
): (collection: string | undefined) => string {
  const known = new Set(['', ...tables]);
  return (collection = '') => (known.has(collection) ? collection : OTHER_COLLECTION);
}

/** Which part of a request the database took. */
export const DATABASE_PHASES = ['wait', 'query'] as const;

/** `state` of `pg_stat_activity`, of client backends; `other` is one that PostgreSQL adds later, or is not to be seen. */
export const SESSION_STATES = [
  'active',
  'idle',
  'idle in transaction',
  'idle in transaction (aborted)',
  'fastpath function call',
  'disabled',
  'starting',
  'other',
] as const;

/** `wait_event_type` of `pg_stat_activity`; `none` is a backend that does not wait, `other` as with its state. */
export const WAIT_EVENT_TYPES = [
  'none',
  'Activity',
  'BufferPin',
  'Client',
  'Extension',
  'InjectionPoint',
  'IO',
  'IPC',
  'Lock',
  'LWLock',
  'Timeout',
  'other',
] as const;

/** What `/readyz` may say. */
export const READY_STATES = [
  'starting',
  'up',
  'saturated',
  'down',
  'migrations_pending',
  'read_only',
  'draining',
] as const;

export const GC_KINDS = ['major', 'minor', 'incremental', 'weakcb'] as const;

/** Telemetry imports only types of the database folder: a list that is not complete does not compile. */
function valuesOf<T extends string>(all: Readonly<Record<T, true>>): readonly T[] {
  return Object.keys(all).filter((value): value is T => Object.hasOwn(all, value));
}

export const CLOSE_REASONS = valuesOf<RetireReason>({
  idle: true,
  lifetime: true,
  broken: true,
  timeout: true,
  failed_ping: true,
  dirty: true,
  failover: true,
  evicted: true,
  shutdown: true,
});

export const ACQUIRE_RESULTS = valuesOf<AcquireOutcome>({
  reused: true,
  new: true,
  queued: true,
  timeout: true,
  refused: true,
  error: true,
});

export const RECLAIM_CAUSES = valuesOf<ReclaimReason>({ error: true, end: true, timeout: true });

export const PING_RESULTS = valuesOf<PingOutcome>({ ok: true, failed: true });

export const REPLICA_FALLBACKS = valuesOf<ReplicaFallbackReason>({
  unusable: true,
  read_after: true,
  connect: true,
});

export const RETRY_RESULTS = valuesOf<RetryOutcome>({
  retried: true,
  succeeded: true,
  given_up: true,
  budget: true,
});

export const SESSION_RESULTS = valuesOf<SessionOutcome>({
  commit: true,
  rollback: true,
  error: true,
});

/** Of what CPU and memory of the server are, and why they are not there. */
export const HOST_SOURCES = [
  'none',
  ...valuesOf<HostSource>({ processes: true, cgroup_v1: true, cgroup_v2: true }),
] as const;
export const HOST_FAULTS = [
  'none',
  ...valuesOf<HostFault>({
    not_provisioned: true,
    refused: true,
    unsupported: true,
    failed: true,
    incomplete: true,
  }),
] as const;

export const ERROR_CODES = valuesOf<DatabaseErrorCode>({
  DB_NOT_INITIALIZED: true,
  DB_CLOSED: true,
  DB_SESSION_MISSING: true,
  DB_SESSION_ENDED: true,
  DB_SESSION_READ_ONLY: true,
  DB_POOL_TIMEOUT: true,
  DB_POOL_FULL: true,
  DB_NOT_FOUND: true,
  DB_CONNECT_REFUSED: true,
  DB_CONNECT_TIMEOUT: true,
  DB_HOST_NOT_FOUND: true,
  DB_AUTH_FAILED: true,
  DB_TLS: true,
  DB_TOO_MANY_CONNECTIONS: true,
  DB_UNAVAILABLE: true,
  DB_CONNECTION_LOST: true,
  DB_COMMIT_UNKNOWN: true,
  DB_QUERY_TIMEOUT: true,
  DB_LOCK_TIMEOUT: true,
  DB_QUERY_CANCELLED: true,
  DB_DEADLOCK: true,
  DB_SERIALIZATION: true,
  DB_UNIQUE: true,
  DB_FOREIGN_KEY: true,
  DB_CHECK: true,
  DB_NOT_NULL: true,
  DB_EXCLUSION: true,
  DB_OUT_OF_RANGE: true,
  DB_INVALID_TEXT: true,
  DB_UNBINDABLE_VALUE: true,
  DB_SCHEMA: true,
  DB_READ_ONLY: true,
  DB_PERMISSION: true,
  DB_DISK_FULL: true,
  DB_MIGRATIONS_PENDING: true,
  DB_MIGRATION_LOCKED: true,
  DB_QUERY_FAILED: true,
  CONFIG_INVALID: true,
});

/** The class of an error that a statement failed with; empty when it did not. */
export function errorType(code: DatabaseErrorCode | undefined): (typeof ERROR_TYPES)[number] {
  switch (code) {
    case undefined:
      return '';
    case 'DB_CONNECTION_LOST':
    case 'DB_COMMIT_UNKNOWN':
    case 'DB_UNAVAILABLE':
    case 'DB_TOO_MANY_CONNECTIONS':
      return 'connection';
    case 'DB_QUERY_TIMEOUT':
    case 'DB_LOCK_TIMEOUT':
      return 'timeout';
    case 'DB_QUERY_CANCELLED':
      return 'cancelled';
    case 'DB_DEADLOCK':
    case 'DB_SERIALIZATION':
      return 'conflict';
    case 'DB_UNIQUE':
    case 'DB_FOREIGN_KEY':
    case 'DB_CHECK':
    case 'DB_NOT_NULL':
    case 'DB_EXCLUSION':
      return 'constraint';
    default:
      return 'other';
  }
}

/** Why connecting failed, in the words of the metric. */
export function connectFailureReason(code: DatabaseErrorCode): ConnectFailureReason {
  switch (code) {
    case 'DB_CONNECT_REFUSED':
      return 'refused';
    case 'DB_CONNECT_TIMEOUT':
      return 'timeout';
    case 'DB_HOST_NOT_FOUND':
      return 'dns';
    case 'DB_AUTH_FAILED':
      return 'auth';
    case 'DB_TLS':
      return 'tls';
    case 'DB_TOO_MANY_CONNECTIONS':
      return 'too_many';
    case 'DB_UNAVAILABLE':
      return 'unavailable';
    default:
      return 'other';
  }
}
