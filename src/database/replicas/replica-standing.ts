import type { DatabaseErrorCode } from '#database/database-error.ts';

/**
 * Whether a replica is read from: `usable` alone is. `behind`: it lacks what is older than allowed; `promoted`: it
 * accepts writes of its own; `down`: it does not answer.
 */
export const REPLICA_STATES = ['starting', 'usable', 'behind', 'promoted', 'down'] as const;
export type ReplicaState = (typeof REPLICA_STATES)[number];

/** What is known of a replica. */
export interface ReplicaStanding {
  readonly state: ReplicaState;
  /** Undefined while it is not known. */
  readonly lagMs: number | undefined;
  /** Up to there it has replayed the write-ahead log of the primary. */
  readonly replayed: bigint | undefined;
  /** Why it is `down`. */
  readonly code: DatabaseErrorCode | undefined;
  readonly message: string;
}

/** What one look at a replica gave. */
export interface ReplicaFindings {
  readonly isStandby: boolean;
  readonly replayed: bigint | undefined;
  /** As the replica has it, by its clock; undefined when it does not know. */
  readonly lagMs: number | undefined;
  /** For how long it has missed what the primary is known to have written. */
  readonly missingMs: number;
}

/** One that was too far behind is read from again once it is no more than this share of what is allowed behind. */
const RETURN_SHARE = 0.5;

/** Judges one look at a replica, in the light of what it was before. */
export function judgeReplica(
  { isStandby, replayed, lagMs, missingMs }: ReplicaFindings,
  before: ReplicaState,
  maxLagMs: number,
): ReplicaStanding {
  if (!isStandby) {
    return Object.freeze({
      state: 'promoted',
      lagMs: undefined,
      replayed: undefined,
      code: undefined,
      message: 'it is no standby any more: take it out of DATABASE_REPLICA_URLS, or make it one',
    });
  }
  const lag = lagMs === undefined ? undefined : Math.max(lagMs, missingMs);
  const allowedMs = before === 'behind' ? maxLagMs * RETURN_SHARE : maxLagMs;
  const isUsable = replayed !== undefined && lag !== undefined && lag <= allowedMs;
  return Object.freeze({
    state: isUsable ? 'usable' : 'behind',
    lagMs: lag,
    replayed,
    code: undefined,
    message:
      lag === undefined
        ? 'it does not know how far behind it is'
        : `it is ${Math.round(lag)} ms behind, ${maxLagMs} ms are allowed`,
  });
}
