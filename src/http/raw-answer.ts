import { STATUS_CODES } from 'node:http';

import type { Failure } from './problem.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';
import { newRequestScope } from './request-scope.ts';

/** A failure as the bytes of a whole answer, for a socket that has no request to answer. Closes the connection. */
export function rawAnswer(failure: Failure): {
  readonly bytes: string;
  readonly requestId: string;
} {
  const scope = newRequestScope();
  const body = JSON.stringify(problemOf(failure, scope));
  const head = [
    `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? ''}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    `Date: ${new Date().toUTCString()}`,
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${scope.requestId}`,
    `X-Trace-Id: ${scope.traceId}`,
    ...Object.entries(failure.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return { bytes: `${head.join('\r\n')}\r\n\r\n${body}`, requestId: scope.requestId };
}
