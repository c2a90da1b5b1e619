import type { DatabaseErrorCode } from '#database/database-error.ts';

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
  readonly serverVersion: string;
  readonly appliedMigrations: readonly string[];
  readonly editedMigrations?: readonly string[];
  readonly roundTripMs: number;
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
      message: 'the server accepts no writes',
    });
  }
  return Object.freeze({ ...common, state: 'up', message: 'the database answers' });
}
