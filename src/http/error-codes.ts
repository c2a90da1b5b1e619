import type { DatabaseErrorCode } from '#database/database-error.ts';

/** Codes of problems that have nothing to do with the database. Stable: each has a heading in docs/errors.md. */
export const HTTP_ERROR_CODES = [
  'INPUT_INVALID',
  'NOT_FOUND',
  'CONFLICT',
  'PRECONDITION_FAILED',
  'METHOD_NOT_ALLOWED',
  'NOT_ACCEPTABLE',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'UNAUTHORIZED',
  'REQUEST_TIMEOUT',
  'NOT_CONFIGURED',
  'DRAINING',
  'OVERLOADED',
  'INTERNAL',
] as const;

export type HttpErrorCode = (typeof HTTP_ERROR_CODES)[number];

/** Any code an answer of the API may carry. */
export type ErrorCode = HttpErrorCode | DatabaseErrorCode;
