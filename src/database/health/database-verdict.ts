import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import type { DirectAnswer } from './direct-way.ts';

/** The words of `/readyz`, as far as the database decides. */
export type DatabaseState =
  | 'starting'
  | 'up'
  | 'saturated'
  | 'down'
  | 'migrations_pending'
  | 'read_only';

/** What the last probe found. Frozen. */
export interface DatabaseVerdict {
  readonly state: DatabaseState;
  /** Why it is `down`. */
  readonly code: DatabaseErrorCode | undefined;
  readonly message: string;
  /** ISO 8601; undefined before the first probe has ended. */
  readonly checkedAt: string | undefined;
  readonly roundTripMs: number | undefined;
  readonly serverVersion: string | undefined;
  /** Names of migrations that the code has and the schema has not. */
  readonly pendingMigrations: readonly string[];
  /** Names of applied migrations whose files are other ones now; absent: none. */
  readonly editedMigrations?: readonly string[];
}

/** What one look at the server gave. */
export interface ServerFindings {
  readonly isReadOnly: boolean;
  readonly isStandby: boolean;
  readonly serverVersion: string;
  readonly appliedMigrations: readonly string[];
  readonly editedMigrations?: readonly string[];
  readonly roundTripMs: number;
  /** Which database it is, where that was asked for and may be known. */
  readonly identity?: string | undefined;
}

/** A look at the server that failed, and what else is known. */
export interface FailedLook {
  readonly failure: DatabaseError;
  /** What the server says past its pooler; undefined where there is no such way. */
  readonly direct: DirectAnswer | undefined;
  /** Since a statement of the pool was answered, in milliseconds; counts behind a pooler alone. */
  readonly sinceAnswerMs: number;
}

/** A pooler makes the probe wait behind everybody's transactions: while ours are answered, it is busy and not broken. */
const ANSWERED_LATELY_MS = 3000;

/** Judges a look that failed. */
export function judgeFailure({
  failure,
  direct,
  sinceAnswerMs,
}: FailedLook): Pick<DatabaseVerdict, 'state' | 'code' | 'message'> {
  if (direct instanceof DatabaseError) {
    return { state: 'down', code: direct.code, message: direct.message };
  }
  const { code, message, details } = failure;
  // It was not refused: there was no answer in time, or there was none to the pool, whose gate has closed over it.
  const isLate = details['isLate'] === true || code === 'DB_CONNECT_TIMEOUT';
  if (isLate && sinceAnswerMs < ANSWERED_LATELY_MS) {
    return { state: 'saturated', code, message: `the pooler is busy: ${message}` };
  }
  const state = stateAfter(code);
  const isUp =
    direct === undefined || state !== 'down' ? '' : 'the server is up, its pooler is not: ';
  return { state, code, message: `${isUp}${message}` };
}

/** What a server is that cannot be connected to: a standby answers, and is no use. */
export function stateAfter(code: DatabaseErrorCode): DatabaseState {
  return code === 'DB_READ_ONLY' ? 'read_only' : 'down';
}

/** Judges one look at the server; busy is decided by the pool when the verdict is read. */
export function judge(
  findings: ServerFindings,
  expectedMigrations: readonly string[],
  checkedAt: string,
): DatabaseVerdict {
  const applied = new Set(findings.appliedMigrations);
  const pendingMigrations = expectedMigrations.filter((name) => !applied.has(name));
  const { editedMigrations = [] } = findings;
  const common = {
    code: undefined,
    checkedAt,
    roundTripMs: findings.roundTripMs,
    serverVersion: findings.serverVersion,
    pendingMigrations,
    ...(editedMigrations.length > 0 && { editedMigrations }),
  };
  if (pendingMigrations.length > 0) {
    const list = pendingMigrations.join(', ');
    return Object.freeze({
      ...common,
      state: 'migrations_pending',
      code: 'DB_MIGRATIONS_PENDING',
      message: `pending migrations: ${list}; run npm run migrate`,
    });
  }
  if (findings.isReadOnly) {
    return Object.freeze({
      ...common,
      state: 'read_only',
      code: 'DB_READ_ONLY',
      message: findings.isStandby
        ? 'the server is a standby: it accepts no writes before it is promoted'
        : 'the server accepts no writes: default_transaction_read_only is on',
    });
  }
  return Object.freeze({ ...common, state: 'up', message: 'the database answers' });
}
