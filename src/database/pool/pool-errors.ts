import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode, DatabaseErrorDetails } from '#database/database-error.ts';
import type { PoolStats } from './pool-stats.ts';

/** What the errors of a full pool tell beside its counts. */
export interface PoolSituation {
  readonly stats: PoolStats;
  /** Who has held a connection longest. */
  readonly longestHolder: string | undefined;
  /** Of the last attempt to connect, when none has succeeded since. */
  readonly connectError: DatabaseError | undefined;
}

/** Whether the borrower met a busy pool or a server that could not be reached. */
export type PoolTimeoutReason = 'busy' | 'unreachable';

/** A borrower who waited for its whole deadline. `details.reason` tells a busy pool from an unreachable server. */
export function poolTimeout(situation: PoolSituation, waitedMs: number): DatabaseError {
  const { stats, connectError } = situation;
  // Slots that could not be filled, or are being filled for too long, are the server's doing, not the borrowers'.
  const isUnreachable =
    connectError !== undefined
      ? connectError.code !== 'DB_TOO_MANY_CONNECTIONS'
      : stats.connecting > 0 && stats.used + stats.idle === 0;
  const reason: PoolTimeoutReason = isUnreachable ? 'unreachable' : 'busy';
  const why =
    reason === 'unreachable'
      ? `the server could not be reached${connectError === undefined ? '' : ` (${connectError.message})`}`
      : `the pool is busy${heldLongest(situation)}; see DB_POOL_SIZE, DB_MAX_OVERFLOW and GET /pool`;
  return withoutStack(
    'DB_POOL_TIMEOUT',
    `no connection within ${Math.round(waitedMs)} ms: ${counts(stats)}; ${why}`,
    { reason, waitedMs: Math.round(waitedMs), ...facts(situation) },
    connectError,
  );
}

/** A borrower for whom there is no room in the queue. */
export function poolFull(situation: PoolSituation): DatabaseError {
  return withoutStack(
    'DB_POOL_FULL',
    `the queue of the pool is full: ${counts(situation.stats)}${heldLongest(situation)}; see DB_QUEUE_LIMIT, DB_POOL_SIZE and DB_MAX_OVERFLOW`,
    facts(situation),
    situation.connectError,
  );
}

/** A borrower who came after the pool was closed, or was waiting then. */
export function poolClosed(pool: string): DatabaseError {
  return withoutStack('DB_CLOSED', `the pool ${pool} is closed`, { pool }, undefined);
}

/** The failure of an attempt, for one of those who hoped for it: each gets an error of its own. */
export function connectFailure({ code, message, details, cause }: DatabaseError): DatabaseError {
  return withoutStack(code, message, details, cause);
}

function counts({ used, idle, connecting, waiting }: PoolStats): string {
  return `${used} in use, ${idle} idle, ${connecting} connecting, ${waiting} waiting`;
}

function heldLongest({ stats, longestHolder }: PoolSituation): string {
  return longestHolder === undefined
    ? ''
    : `, longest held by ${longestHolder} for ${Math.round(stats.oldestUseMs)} ms`;
}

function facts({ stats, longestHolder }: PoolSituation): DatabaseErrorDetails {
  const { name, used, idle, connecting, waiting, oldestUseMs } = stats;
  return {
    pool: name,
    used,
    idle,
    connecting,
    waiting,
    ...(longestHolder !== undefined && { longestHolder, longestHeldMs: Math.round(oldestUseMs) }),
  };
}

/** The stack of such an error is always the pool's own, and it is made most often when there is least to spare. */
function withoutStack(
  code: DatabaseErrorCode,
  message: string,
  details: DatabaseErrorDetails,
  cause: unknown,
): DatabaseError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new DatabaseError(code, message, details, cause === undefined ? undefined : { cause });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
