/** Every code the database layer throws. Stable: each has a heading in docs/errors.md. */
export const DATABASE_ERROR_CODES = [
  'DB_NOT_INITIALIZED',
  'DB_CLOSED',
  'DB_SESSION_MISSING',
  'DB_SESSION_ENDED',
  'DB_SESSION_READ_ONLY',
  'DB_POOL_TIMEOUT',
  'DB_POOL_FULL',
  'DB_NOT_FOUND',
  'DB_CONNECT_REFUSED',
  'DB_CONNECT_TIMEOUT',
  'DB_HOST_NOT_FOUND',
  'DB_AUTH_FAILED',
  'DB_TLS',
  'DB_TOO_MANY_CONNECTIONS',
  'DB_UNAVAILABLE',
  'DB_CONNECTION_LOST',
  'DB_COMMIT_UNKNOWN',
  'DB_QUERY_TIMEOUT',
  'DB_LOCK_TIMEOUT',
  'DB_QUERY_CANCELLED',
  'DB_DEADLOCK',
  'DB_SERIALIZATION',
  'DB_UNIQUE',
  'DB_FOREIGN_KEY',
  'DB_CHECK',
  'DB_NOT_NULL',
  'DB_EXCLUSION',
  'DB_OUT_OF_RANGE',
  'DB_INVALID_TEXT',
  'DB_UNBINDABLE_VALUE',
  'DB_SCHEMA',
  'DB_READ_ONLY',
  'DB_PERMISSION',
  'DB_DISK_FULL',
  'DB_MIGRATIONS_PENDING',
  'DB_MIGRATION_LOCKED',
  'DB_QUERY_FAILED',
  'CONFIG_INVALID',
] as const;

export type DatabaseErrorCode = (typeof DATABASE_ERROR_CODES)[number];

/** What an operator wants beside the message. Never a row value, a statement or a credential. */
export interface DatabaseErrorDetails {
  /** SQLSTATE as the server sent it, five characters. */
  readonly sqlState?: string;
  /** Violated constraint, by the name it has in the schema. */
  readonly constraint?: string;
  readonly table?: string;
  readonly column?: string;
  /** Further numbers and names, safe to log. */
  readonly [field: string]: unknown;
}

/** Any failure of the database layer. Branch on `code`, never on `message`. */
export class DatabaseError extends Error {
  override readonly name: string = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  readonly details: DatabaseErrorDetails;

  constructor(
    code: DatabaseErrorCode,
    message: string,
    details: DatabaseErrorDetails = {},
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}
