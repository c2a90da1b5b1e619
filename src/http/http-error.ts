import type { HttpErrorCode } from './error-codes.ts';
import { ERROR_STATUS } from './error-status.ts';
import { ERROR_TEXT } from './error-text.ts';

/** One fault of the input: where (dotted path into body, query or path parameters) and what. Never the value. */
export interface InputFault {
  readonly path: string;
  readonly message: string;
}

/** What an `HttpError` may say beyond its code. All of it reaches the client. */
export interface HttpErrorOptions {
  /** Absent: the status of the code. */
  readonly status?: number;
  /** Safe text; absent: the text of the code. */
  readonly detail?: string;
  readonly errors?: readonly InputFault[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An answer other than success, thrown from anywhere in a request. The session it is thrown in rolls back. */
export class HttpError extends Error {
  override readonly name: string = 'HttpError';
  readonly code: HttpErrorCode;
  readonly status: number;
  readonly detail: string;
  readonly errors: readonly InputFault[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: HttpErrorCode, options: HttpErrorOptions = {}) {
    const detail = options.detail ?? ERROR_TEXT[code].detail;
    super(detail, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? ERROR_STATUS[code];
    this.detail = detail;
    this.errors = options.errors;
    this.headers = Object.freeze({ ...options.headers });
  }
}

/** 404: what the path names does not exist. */
export function notFound(detail?: string): HttpError {
  return new HttpError('NOT_FOUND', detail === undefined ? {} : { detail });
}

/** 409: the request contradicts the present state; `detail` says how, without values. */
export function conflict(detail: string): HttpError {
  return new HttpError('CONFLICT', { detail });
}

/** 412: `If-Match` names a version that is not the present one. */
export function preconditionFailed(): HttpError {
  return new HttpError('PRECONDITION_FAILED');
}

/** 400: a fault of path, query, header or the JSON text itself. */
export function invalidRequest(detail: string, errors?: readonly InputFault[]): HttpError {
  return new HttpError('INPUT_INVALID', errors === undefined ? { detail } : { detail, errors });
}

/** 422: the body is JSON, and breaks its schema or a rule about its values. */
export function invalidBody(errors: readonly InputFault[]): HttpError {
  return new HttpError('INPUT_INVALID', {
    status: 422,
    detail: 'the body is not what this endpoint takes',
    errors,
  });
}
