import { types } from 'node:util';
import { isSecretName, REDACTED } from './secret-names.ts';
import { safeText } from './safe-text.ts';
import { stackFrames } from './stack-frames.ts';

/** What a log line says of an error. */
export interface SerializedError {
  /** Class of the error, or `typeof` of what was thrown instead of one. */
  readonly type: string;
  readonly code?: string;
  /** SQLSTATE of an error that comes from PostgreSQL. */
  readonly sqlState?: string;
  /** Names of the schema, never values. */
  readonly constraint?: string;
  readonly table?: string;
  readonly column?: string;
  /** Absent where the text is not ours: it may hold row values. */
  readonly message?: string;
  readonly details?: Readonly<Record<string, string | number | boolean>>;
  /** Frames only, one a line. */
  readonly stack?: string;
  readonly cause?: SerializedError;
  readonly errors?: readonly SerializedError[];
}

const MAX_CAUSES = 5;
const MAX_ERRORS = 3;
const MAX_DETAILS = 30;

/** Classes of this service whose messages are written without values. */
const OWN_ERRORS: ReadonlySet<string> = new Set([
  'ConfigError',
  'DatabaseError',
  'HttpError',
  'ListenError',
]);
/** SQLSTATE and errno names are shorter than any code of docs/errors.md. */
const OWN_CODE = /^[A-Z][A-Z_]{6,}$/;
const PROGRAMMING_ERRORS: ReadonlySet<string> = new Set([
  'EvalError',
  'RangeError',
  'ReferenceError',
  'TypeError',
]);
/** Where messages of V8 and Node go on with the offending value. */
const VALUE_IN_MESSAGE =
  /(?:[.,;]? Received |, got |: |(?<=operator to search for )|(?<= on (?:string|number|boolean|symbol|bigint) )|(?<=Iterator value )).*$/s;
const SQL_STATE = /^[0-9A-Z]{5}$/;

/**
 * Makes an error loggable. Messages, DETAIL, statements and parameters of foreign errors never get
 * through, whatever the error carries; only the classes above, system errors, programming errors
 * and texts that start with `bug:` keep their message. Never throws.
 */
export function serializeError(error: unknown): SerializedError {
  return serialize(error, MAX_CAUSES);
}

function serialize(error: unknown, depth: number): SerializedError {
  if (!isError(error)) {
    return { type: error === null ? 'null' : typeof error };
  }
  const code = textOf(error, 'code');
  const isSystem = typeof read(error, 'errno') === 'number';
  const isSqlState = code !== undefined && SQL_STATE.test(code) && !isSystem;
  const message = printableMessage(error, code, isSystem);
  const cause = read(error, 'cause');
  const errors = read(error, 'errors');
  return {
    type: typeOf(error),
    ...(code !== undefined && !isSqlState ? { code: safeText(code) } : {}),
    ...(isSqlState ? { sqlState: code, ...schemaNames(error) } : {}),
    ...(message === undefined ? {} : { message: safeText(message) }),
    ...(isOwn(error, code) ? detailsOf(error) : {}),
    ...stackOf(error),
    ...(cause === undefined || depth === 0 ? {} : { cause: serialize(cause, depth - 1) }),
    ...(Array.isArray(errors) && depth > 0
      ? {
          errors: errors
            .slice(0, MAX_ERRORS)
            .filter(isError)
            .map((inner) => serialize(inner, 0)),
        }
      : {}),
  };
}

function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}

/** Reads a property that may be a getter that throws. */
function read(source: object, property: string): unknown {
  try {
    return Reflect.get(source, property);
  } catch {
    return undefined;
  }
}

function textOf(source: object, property: string): string | undefined {
  const value = read(source, property);
  return typeof value === 'string' ? value : undefined;
}

/** Drivers name their errors `error`; the class says more. */
function typeOf(error: Error): string {
  const name = textOf(error, 'name') ?? 'Error';
  const built = read(error, 'constructor');
  const type = name.toLowerCase() === 'error' && typeof built === 'function' ? built.name : name;
  return safeText(type).slice(0, 100);
}

function isOwn(error: Error, code: string | undefined): boolean {
  return code !== undefined && OWN_CODE.test(code) && OWN_ERRORS.has(textOf(error, 'name') ?? '');
}

function printableMessage(
  error: Error,
  code: string | undefined,
  isSystem: boolean,
): string | undefined {
  const message = textOf(error, 'message') ?? '';
  if (isOwn(error, code) || message.startsWith('bug:')) {
    return message;
  }
  if (isSystem && textOf(error, 'syscall') !== undefined) {
    return message;
  }
  return PROGRAMMING_ERRORS.has(textOf(error, 'name') ?? '')
    ? message.replace(VALUE_IN_MESSAGE, '…')
    : undefined;
}

function schemaNames(error: Error): Pick<SerializedError, 'constraint' | 'table' | 'column'> {
  const constraint = textOf(error, 'constraint');
  const table = textOf(error, 'table');
  const column = textOf(error, 'column');
  return {
    ...(constraint === undefined ? {} : { constraint: safeText(constraint) }),
    ...(table === undefined ? {} : { table: safeText(table) }),
    ...(column === undefined ? {} : { column: safeText(column) }),
  };
}

function detailsOf(error: Error): Pick<SerializedError, 'details'> {
  const source = read(error, 'details');
  if (typeof source !== 'object' || source === null) {
    return {};
  }
  const details: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(source).slice(0, MAX_DETAILS)) {
    if (isSecretName(name)) {
      details[name] = REDACTED;
    } else if (typeof value === 'string') {
      details[name] = safeText(value);
    } else if (typeof value === 'number' || typeof value === 'boolean') {
      details[name] = value;
    }
  }
  return Object.keys(details).length === 0 ? {} : { details };
}

function stackOf(error: Error): Pick<SerializedError, 'stack'> {
  const stack = stackFrames(
    textOf(error, 'stack') ?? '',
    `${textOf(error, 'message') ?? ''}\n${textOf(error, 'detail') ?? ''}`,
  );
  return stack === undefined ? {} : { stack };
}
