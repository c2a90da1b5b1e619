import type { ErrorCode } from './error-codes.ts';

interface ErrorText {
  /** The same for every occurrence of the code. */
  readonly title: string;
  /** What a client is told when nobody knows better. Never a value, a name of ours or a driver's words. */
  readonly detail: string;
}

const UNAVAILABLE = 'the database cannot serve this request now; try again later';
const BUG = 'the service met a fault of its own; the request id finds it in the log';

/** What clients are told, by code. */
export const ERROR_TEXT: Readonly<Record<ErrorCode, ErrorText>> = Object.freeze({
  DB_NOT_INITIALIZED: { title: 'Database layer not initialised', detail: BUG },
  DB_CLOSED: { title: 'Database layer closed', detail: BUG },
  DB_SESSION_MISSING: { title: 'No database session', detail: BUG },
  DB_SESSION_ENDED: { title: 'Database session ended', detail: BUG },
  DB_SESSION_READ_ONLY: { title: 'Write in a read-only session', detail: BUG },
  DB_POOL_TIMEOUT: {
    title: 'No database connection in time',
    detail: 'all database connections are busy; try again later',
  },
  DB_POOL_FULL: {
    title: 'Too many requests wait for a database connection',
    detail: 'all database connections are busy; try again later',
  },
  DB_NOT_FOUND: { title: 'Database does not exist', detail: UNAVAILABLE },
  DB_CONNECT_REFUSED: { title: 'Database refused the connection', detail: UNAVAILABLE },
  DB_CONNECT_TIMEOUT: { title: 'Database did not answer', detail: UNAVAILABLE },
  DB_HOST_NOT_FOUND: { title: 'Database host not found', detail: UNAVAILABLE },
  DB_AUTH_FAILED: { title: 'Database refused the login', detail: UNAVAILABLE },
  DB_TLS: { title: 'No secure connection to the database', detail: UNAVAILABLE },
  DB_TOO_MANY_CONNECTIONS: { title: 'Database has no free connection', detail: UNAVAILABLE },
  DB_UNAVAILABLE: { title: 'Database unavailable', detail: UNAVAILABLE },
  DB_CONNECTION_LOST: {
    title: 'Database connection lost',
    detail: 'the connection to the database broke; nothing was saved; try again',
  },
  DB_COMMIT_UNKNOWN: {
    title: 'Outcome unknown',
    detail: 'the change was sent to the database, its answer was lost; read before you repeat it',
  },
  DB_QUERY_TIMEOUT: {
    title: 'Query timed out',
    detail: 'a query took longer than allowed; nothing was saved',
  },
  DB_LOCK_TIMEOUT: {
    title: 'Lock timed out',
    detail: 'another request holds the data for too long; nothing was saved; try again later',
  },
  DB_QUERY_CANCELLED: {
    title: 'Query cancelled',
    detail: 'a query was cancelled; nothing was saved',
  },
  DB_DEADLOCK: {
    title: 'Deadlock',
    detail: 'the request and another one blocked each other; nothing was saved; try again',
  },
  DB_SERIALIZATION: {
    title: 'Concurrent change',
    detail: 'another request changed the same data; nothing was saved; try again',
  },
  DB_UNIQUE: { title: 'Already exists', detail: 'a value that must be unique is already taken' },
  DB_FOREIGN_KEY: {
    title: 'Reference does not hold',
    detail: 'something the request refers to does not exist, or is still referred to',
  },
  DB_CHECK: { title: 'Value not allowed', detail: 'a value breaks a rule of the data' },
  DB_NOT_NULL: { title: 'Value missing', detail: 'a value that is needed is missing' },
  DB_EXCLUSION: { title: 'Overlap', detail: 'the request overlaps with something that exists' },
  DB_OUT_OF_RANGE: {
    title: 'Value out of range',
    detail: 'a value is too long, too big or too small',
  },
  DB_INVALID_TEXT: {
    title: 'Value malformed',
    detail: 'a value cannot be stored as it is written',
  },
  DB_UNBINDABLE_VALUE: { title: 'Value cannot be sent to the database', detail: BUG },
  DB_SCHEMA: { title: 'Code and database schema disagree', detail: BUG },
  DB_READ_ONLY: {
    title: 'Database is read-only',
    detail: 'the database accepts no changes now; try again later',
  },
  DB_PERMISSION: { title: 'Database permission missing', detail: BUG },
  DB_DISK_FULL: { title: 'Database out of space', detail: UNAVAILABLE },
  DB_MIGRATIONS_PENDING: { title: 'Migrations pending', detail: UNAVAILABLE },
  DB_MIGRATION_LOCKED: { title: 'Another migration runs', detail: BUG },
  DB_QUERY_FAILED: { title: 'Query failed', detail: BUG },
  CONFIG_INVALID: { title: 'Configuration invalid', detail: BUG },
  INPUT_INVALID: { title: 'Invalid input', detail: 'the request is not what this endpoint takes' },
  NOT_FOUND: { title: 'Not found', detail: 'there is nothing at this address' },
  CONFLICT: { title: 'Conflict', detail: 'the request contradicts the present state' },
  PRECONDITION_FAILED: {
    title: 'Precondition failed',
    detail: 'the resource has changed since it was read; read it again',
  },
  METHOD_NOT_ALLOWED: {
    title: 'Method not allowed',
    detail: 'this address does not take this method; the Allow header lists those it takes',
  },
  NOT_ACCEPTABLE: {
    title: 'Not acceptable',
    detail: 'the answer is application/json, which the Accept header refuses',
  },
  PAYLOAD_TOO_LARGE: { title: 'Body too large', detail: 'the body is larger than allowed' },
  UNSUPPORTED_MEDIA_TYPE: {
    title: 'Unsupported media type',
    detail: 'send the body as application/json in UTF-8, not compressed',
  },
  UNAUTHORIZED: { title: 'Unauthorized', detail: 'a valid bearer token is needed' },
  REQUEST_TIMEOUT: {
    title: 'Request timed out',
    detail: 'the request took longer than allowed; nothing was saved',
  },
  NOT_CONFIGURED: { title: 'Not configured', detail: 'this part of the service is not configured' },
  DRAINING: { title: 'Shutting down', detail: 'this instance is shutting down; try again' },
  OVERLOADED: { title: 'Overloaded', detail: 'too many requests at once; try again later' },
  INTERNAL: { title: 'Internal error', detail: BUG },
});
