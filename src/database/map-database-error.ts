import { DatabaseError } from './database-error.ts';
import type { DatabaseErrorCode } from './database-error.ts';
import { poolerErrorCode } from './pooler-error.ts';

// PostgreSQL's error codes: https://www.postgresql.org/docs/18/errcodes-appendix.html
const BY_SQL_STATE: Readonly<Record<string, DatabaseErrorCode>> = {
  '08P01': 'DB_QUERY_FAILED',
  '0A000': 'DB_QUERY_FAILED',
  '22001': 'DB_OUT_OF_RANGE',
  '22003': 'DB_OUT_OF_RANGE',
  '22008': 'DB_OUT_OF_RANGE',
  '22007': 'DB_INVALID_TEXT',
  '22021': 'DB_INVALID_TEXT',
  '22P02': 'DB_INVALID_TEXT',
  '22P03': 'DB_INVALID_TEXT',
  '22P05': 'DB_INVALID_TEXT',
  '23001': 'DB_FOREIGN_KEY',
  '23502': 'DB_NOT_NULL',
  '23503': 'DB_FOREIGN_KEY',
  '23505': 'DB_UNIQUE',
  '23514': 'DB_CHECK',
  '23P01': 'DB_EXCLUSION',
  '25006': 'DB_READ_ONLY',
  '25P03': 'DB_CONNECTION_LOST',
  '25P04': 'DB_QUERY_TIMEOUT',
  '3D000': 'DB_NOT_FOUND',
  '3F000': 'DB_SCHEMA',
  '40001': 'DB_SERIALIZATION',
  '40P01': 'DB_DEADLOCK',
  '42501': 'DB_PERMISSION',
  '42703': 'DB_SCHEMA',
  '42P01': 'DB_SCHEMA',
  '53100': 'DB_DISK_FULL',
  '53300': 'DB_TOO_MANY_CONNECTIONS',
  '55P03': 'DB_LOCK_TIMEOUT',
  '57014': 'DB_QUERY_CANCELLED',
  '57P01': 'DB_CONNECTION_LOST',
  '57P02': 'DB_CONNECTION_LOST',
  '57P03': 'DB_UNAVAILABLE',
  '57P04': 'DB_CONNECTION_LOST',
  '57P05': 'DB_CONNECTION_LOST',
};

const BY_SQL_STATE_CLASS: Readonly<Record<string, DatabaseErrorCode>> = {
  '08': 'DB_CONNECTION_LOST',
  '28': 'DB_AUTH_FAILED',
  '53': 'DB_UNAVAILABLE',
  '58': 'DB_UNAVAILABLE',
};

const BY_ERRNO: Readonly<Record<string, DatabaseErrorCode>> = {
  ECONNREFUSED: 'DB_CONNECT_REFUSED',
  ENOTFOUND: 'DB_HOST_NOT_FOUND',
  EAI_AGAIN: 'DB_HOST_NOT_FOUND',
  EHOSTUNREACH: 'DB_CONNECT_REFUSED',
  ENETUNREACH: 'DB_CONNECT_REFUSED',
  ETIMEDOUT: 'DB_CONNECT_TIMEOUT',
  ECONNRESET: 'DB_CONNECTION_LOST',
  ECONNABORTED: 'DB_CONNECTION_LOST',
  EPIPE: 'DB_CONNECTION_LOST',
};

// pg, pg-pool and kysely throw these without a code; pg 8.23.0, pg-pool 3.14.0, kysely 0.29.9.
const BY_TEXT: readonly (readonly [RegExp, DatabaseErrorCode])[] = [
  [/^Connection terminated due to connection timeout|^timeout expired/, 'DB_CONNECT_TIMEOUT'],
  [/does not support SSL|SSL connection|certificate|self-signed/i, 'DB_TLS'],
  [/^SASL|no password supplied|client password must be a string/i, 'DB_AUTH_FAILED'],
  [/^Connection terminated|not queryable|has been discarded|was closed/, 'DB_CONNECTION_LOST'],
  [/transaction .*(aborted|rolled back)|AbortedTransaction/i, 'DB_QUERY_FAILED'],
];

// Of connections that were gone before.
const NEVER_SENT = /not queryable|has been discarded/;

// Classes whose messages speak of states of the server.
const STATE_CLASSES = new Set(['08', '28', '3D', '53', '57']);
// Classes whose messages name objects of the schema. Where they do not point into the statement, such a name may have
// come as a value: `to_tsquery($1)`, `$1::regclass`.
const NAME_CLASSES = new Set(['0A', '3F', '42', '55', '58']);
// That something exists already is said of DDL alone, which has no values.
const DUPLICATES = new Set(['42701', '42710', '42723', '42P03', '42P05', '42P06', '42P07']);
const QUOTED = /["«»„“”].*["«»„“”]/su;

const TEXTS: Partial<Record<DatabaseErrorCode, string>> = {
  DB_UNIQUE: 'a row with this value exists already',
  DB_FOREIGN_KEY: 'a referenced row does not exist, or the row is still referenced',
  DB_CHECK: 'a value violates a check constraint',
  DB_NOT_NULL: 'a required value is missing',
  DB_EXCLUSION: 'a row conflicts with an existing one',
  DB_OUT_OF_RANGE: 'a value is too long or out of range for its column',
  DB_INVALID_TEXT: 'a value is not valid text for its type',
  DB_SERIALIZATION: 'the transaction conflicts with another one and was rolled back',
  DB_DEADLOCK: 'the transaction was part of a deadlock and was rolled back',
  DB_READ_ONLY: 'the server or the transaction is read-only',
  DB_CONNECTION_LOST: 'the connection to the server was lost',
  DB_QUERY_CANCELLED: 'the statement was cancelled',
  DB_QUERY_TIMEOUT: 'the statement ran longer than allowed',
  DB_LOCK_TIMEOUT: 'a lock was not granted in time',
};

/** What whoever sent a statement knows of its failure. Times in milliseconds. */
export interface StatementFailure {
  /** We asked the server to cancel it. */
  readonly isCancelSent?: boolean;
  /** From sending it to its error. */
  readonly elapsedMs?: number;
  /** The server's limit for it; 0 = none. */
  readonly statementTimeoutMs?: number;
  /** The connection has ended with it. */
  readonly isFatal?: boolean;
  /** It begins a transaction that may write. */
  readonly isWriteBegin?: boolean;
}

interface DriverFacts {
  readonly sqlState: string | undefined;
  readonly errno: string | undefined;
  /** What the system was asked to do when it failed: `connect`, `read`, `write`. */
  readonly syscall: string | undefined;
  readonly severity: string | undefined;
  readonly message: string;
  /** Where in the text of the statement the fault is. */
  readonly position: string | undefined;
  readonly routine: string | undefined;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** The one place that looks into errors of pg, kysely and Node. */
function readDriverFacts(error: Error): DriverFacts {
  const field = (name: string) => textOf(Reflect.get(error, name));
  const code = field('code');
  // Every happy-eyeballs attempt failed: Node hands over one error that holds them all.
  const first =
    error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  return {
    sqlState:
      code !== undefined && /^[0-9A-Z]{5}$/.test(code) && field('severity') !== undefined
        ? code
        : undefined,
    errno: textOf(Reflect.get(first, 'code')),
    syscall: textOf(Reflect.get(first, 'syscall')),
    severity: field('severity'),
    message: first.message,
    position: field('position'),
    routine: field('routine'),
    constraint: field('constraint'),
    table: field('table'),
    column: field('column'),
  };
}

/**
 * Names the code of contract section 4 for an error of the driver: by SQLSTATE, by the system's error number, or by
 * the few texts that pg throws without either. The result holds no statement, no value and not the original error,
 * whose message and DETAIL may quote a row. Its details say `isFatal` when the server ended the connection with it, and
 * `isSent: false` when the statement never left. Undefined when the error did not come from the database.
 */
export function mapDatabaseError(
  error: unknown,
  statement: StatementFailure = {},
): DatabaseError | undefined {
  if (error instanceof DatabaseError) {
    return error;
  }
  if (!(error instanceof Error)) {
    return undefined;
  }
  const facts = readDriverFacts(error);
  const code = codeOf(facts, statement);
  if (code === undefined) {
    return undefined;
  }
  const details: Record<string, unknown> = {};
  for (const name of ['sqlState', 'constraint', 'table', 'column', 'routine'] as const) {
    if (facts[name] !== undefined) {
      details[name] = facts[name];
    }
  }
  if (facts.sqlState === undefined && facts.errno !== undefined) {
    details['errno'] = facts.errno;
  }
  if (facts.sqlState !== undefined && isFatal(facts.severity, statement)) {
    details['isFatal'] = true;
  }
  if (facts.sqlState === undefined && NEVER_SENT.test(facts.message)) {
    details['isSent'] = false;
  }
  const mapped = new DatabaseError(code, messageFor(code, facts), details);
  if (error.stack !== undefined) {
    // Frames only: the first line of the stack repeats the driver's message.
    mapped.stack = `${mapped.name}: ${mapped.message}\n${framesOf(error.stack)}`;
  }
  return mapped;
}

/** As `mapDatabaseError`; what is none of those is `DB_UNAVAILABLE`, for the reason that is given, with the error as its cause. */
export function asDatabaseError(error: unknown, reason: string): DatabaseError {
  return (
    mapDatabaseError(error) ?? new DatabaseError('DB_UNAVAILABLE', reason, {}, { cause: error })
  );
}

function codeOf(facts: DriverFacts, statement: StatementFailure): DatabaseErrorCode | undefined {
  const { sqlState, errno, syscall, message, routine } = facts;
  if (sqlState !== undefined) {
    if (isOfPooler(facts)) {
      return poolerErrorCode(message);
    }
    if (sqlState === '57014' && isTimeout(message, statement)) {
      return 'DB_QUERY_TIMEOUT';
    }
    if (isStaleStatement(sqlState, routine)) {
      return 'DB_UNAVAILABLE';
    }
    if (sqlState === '0A000' && statement.isWriteBegin === true) {
      // What a standby says, which knows no 25006 there.
      return 'DB_READ_ONLY';
    }
    return BY_SQL_STATE[sqlState] ?? BY_SQL_STATE_CLASS[sqlState.slice(0, 2)] ?? 'DB_QUERY_FAILED';
  }
  if (errno !== undefined) {
    if (errno in BY_ERRNO) {
      // The same numbers tell of a connection that could not be made and of one that was: a keepalive ends in ETIMEDOUT.
      const wasMade = syscall === 'read' || syscall === 'write';
      return wasMade ? 'DB_CONNECTION_LOST' : BY_ERRNO[errno];
    }
    if (
      errno.startsWith('ERR_TLS') ||
      errno.startsWith('ERR_SSL') ||
      /CERT|SIGNATURE/.test(errno)
    ) {
      return 'DB_TLS';
    }
  }
  return BY_TEXT.find(([pattern]) => pattern.test(message))?.[1];
}

/** A server that speaks another language (`lc_messages`) is known by the time that has passed. */
function isTimeout(
  message: string,
  { isCancelSent = false, elapsedMs = 0, statementTimeoutMs = 0 }: StatementFailure,
): boolean {
  const isOver = statementTimeoutMs > 0 && elapsedMs >= statementTimeoutMs;
  return !isCancelSent && (isOver || /statement timeout/.test(message));
}

/** pg hands over the word in the server's language (`lc_messages`): one that is not known is what the connection says. */
function isFatal(severity: string | undefined, statement: StatementFailure): boolean {
  switch (severity) {
    case 'ERROR':
      return false;
    case 'FATAL':
    case 'PANIC':
      return true;
    default:
      return statement.isFatal === true;
  }
}

/** A server says where in its code it found the fault. */
function isOfPooler({ sqlState, routine }: DriverFacts): boolean {
  return sqlState === '08P01' && routine === undefined;
}

/** A plan that no longer fits the schema, or a prepared statement that somebody dropped. */
function isStaleStatement(sqlState: string, routine: string | undefined): boolean {
  return sqlState === '26000' || (sqlState === '0A000' && routine === 'RevalidateCachedQuery');
}

function messageFor(code: DatabaseErrorCode, facts: DriverFacts): string {
  if (facts.sqlState === undefined) {
    // Without a SQLSTATE the text is Node's or pg's own: host, port and errno at most.
    return facts.message === '' ? (TEXTS[code] ?? 'connecting failed') : facts.message;
  }
  const text = isStaleStatement(facts.sqlState, facts.routine)
    ? 'the schema or the prepared statements changed under an open connection; repeat the request'
    : isOfPooler(facts)
      ? `the pooler says: ${facts.message}`
      : (TEXTS[code] ?? serverMessage(facts.sqlState, facts));
  const constraint = facts.constraint === undefined ? '' : `, ${facts.constraint}`;
  return `${text} (SQLSTATE ${facts.sqlState}${constraint})`;
}

/** What the server says, without what may be a value. */
function serverMessage(sqlState: string, { message, position }: DriverFacts): string {
  const sqlClass = sqlState.slice(0, 2);
  if (STATE_CLASSES.has(sqlClass) || DUPLICATES.has(sqlState)) {
    return message;
  }
  if (!NAME_CLASSES.has(sqlClass)) {
    return 'the statement failed';
  }
  return position === undefined ? message.replace(QUOTED, '"…"') : message;
}

function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}
