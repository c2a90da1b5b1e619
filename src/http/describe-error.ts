import { DatabaseError } from '#database/database-error.ts';

import { HttpError } from './http-error.ts';

const FRAME = /^\s+at /;

/** An error as fields of a log line. */
export interface ErrorDescription {
  readonly type: string;
  readonly code?: unknown;
  readonly message?: string;
  /** Frames only: the head of a stack repeats the message. */
  readonly stack?: string;
  readonly details?: object;
  readonly cause?: ErrorDescription;
}

/** What may be logged of an error. The message only where it cannot hold a row's value: drivers and parsers quote what they were given. */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error };
  const code: unknown = Reflect.get(error, 'code');
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(isSafeMessage(error) ? { message: error.message } : {}),
    ...(error instanceof DatabaseError ? { details: error.details } : {}),
    stack: (error.stack ?? '')
      .split('\n')
      .filter((line) => FRAME.test(line))
      .join('\n'),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

function isSafeMessage(error: Error): boolean {
  return (
    error instanceof DatabaseError ||
    error instanceof HttpError ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError ||
    error.message.startsWith('bug:')
  );
}
