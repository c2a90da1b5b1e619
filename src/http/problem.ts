import { z } from 'zod';

import { DATABASE_ERROR_CODES, DatabaseError } from '#database/database-error.ts';

import type { ErrorCode } from './error-codes.ts';
import { HTTP_ERROR_CODES } from './error-codes.ts';
import { statusOf } from './error-status.ts';
import { ERROR_TEXT } from './error-text.ts';
import type { InputFault } from './http-error.ts';
import { HttpError, invalidRequest } from './http-error.ts';
import type { RequestScope } from './request-scope.ts';

/** Content type of every problem (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';

/** Where the codes are explained: served by `GET /docs/errors.md`, one heading each. */
const ERROR_PAGE = '/docs/errors.md';

/** Short: what sheds load by itself. Long: what takes a person or a restart. Seconds. */
const RETRY_SOON = '1';
const RETRY_LATER = '5';

/** The body of every answer that is not a success. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'Link to the explanation of the code.' }),
    title: z.string().meta({ description: 'The same for every occurrence of the code.' }),
    status: z.int().min(400).max(599),
    code: z
      .enum([...HTTP_ERROR_CODES, ...DATABASE_ERROR_CODES])
      .meta({ description: 'Stable; branch on this.' }),
    detail: z.string().meta({ description: 'For people; may be improved.' }),
    requestId: z.string().meta({ description: 'Finds the request in the log.' }),
    traceId: z.string(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'Where the input is at fault, and how.' }),
  })
  .meta({
    id: 'Problem',
    example: {
      type: `${ERROR_PAGE}#db_unique`,
      title: ERROR_TEXT.DB_UNIQUE.title,
      status: 409,
      code: 'DB_UNIQUE',
      detail: ERROR_TEXT.DB_UNIQUE.detail,
      requestId: '0f0d3c1e-4c93-4a8e-9f5d-0d8f6a2b7c11',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
  });

export type Problem = z.output<typeof problemSchema>;

/** An error as an answer, before it is bound to a request. */
export interface Failure {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors?: readonly InputFault[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** What of the request decides how an error is answered. */
export interface FailureContext {
  readonly method?: string | undefined;
  /** Constraint name → sentence for the client. */
  readonly constraints?: Readonly<Record<string, string>> | undefined;
}

/** Any thrown thing as an answer. Nothing of an error that is not ours reaches the client. */
export function failureOf(error: unknown, { method, constraints }: FailureContext = {}): Failure {
  // Express decodes path parameters itself.
  if (error instanceof URIError) return failureOf(invalidRequest('the path is badly encoded'));
  if (error instanceof HttpError) {
    const { status, code, detail, errors } = error;
    return {
      status,
      code,
      detail,
      errors,
      headers: { ...retryHeader(status, code), ...error.headers },
    };
  }
  const code = error instanceof DatabaseError ? error.code : 'INTERNAL';
  const constraint = error instanceof DatabaseError ? error.details.constraint : undefined;
  const status = statusOf(code, method);
  return {
    status,
    code,
    detail: sentenceFor(constraint, constraints) ?? ERROR_TEXT[code].detail,
    headers: retryHeader(status, code),
  };
}

/** The body that tells a failure to the client of one request. */
export function problemOf(
  { status, code, detail, errors }: Failure,
  { requestId, traceId }: Pick<RequestScope, 'requestId' | 'traceId'>,
): Problem {
  return {
    type: `${ERROR_PAGE}#${code.toLowerCase()}`,
    title: ERROR_TEXT[code].title,
    status,
    code,
    detail,
    requestId,
    traceId,
    ...(errors === undefined ? {} : { errors: [...errors] }),
  };
}

function sentenceFor(
  constraint: string | undefined,
  sentences: Readonly<Record<string, string>> = {},
): string | undefined {
  return constraint !== undefined && Object.hasOwn(sentences, constraint)
    ? sentences[constraint]
    : undefined;
}

function retryHeader(status: number, code: ErrorCode): Readonly<Record<string, string>> {
  if (status !== 503) return {};
  const isSoon = /^(?:OVERLOADED|DRAINING|DB_POOL_|DB_LOCK_|DB_CONNECTION_LOST)/.test(code);
  return { 'Retry-After': isSoon ? RETRY_SOON : RETRY_LATER };
}
