import type { Response } from 'express';

import type { FailureLog } from './failure-log.ts';
import { failureOf, PROBLEM_TYPE, problemOf } from './problem.ts';
import type { RequestScope } from './request-scope.ts';
import { setServerTiming } from './server-timing.ts';

/** Answers an error as a problem, and logs it when it is not the client's. Cuts the connection when an answer has already begun. */
export function sendFailure(
  error: unknown,
  response: Response,
  scope: RequestScope,
  { method, log }: { readonly method: string; readonly log: FailureLog },
): void {
  const failure = failureOf(error, { method, constraints: scope.constraints });
  scope.code ??= failure.code;
  const isGone = response.destroyed || response.closed;
  // What the abort did to the work of a client who left is no fault, unless it may have been committed.
  if (failure.status >= 500 && (!isGone || failure.code === 'DB_COMMIT_UNKNOWN')) {
    log.write(error, failure.status, failure.code, scope);
  }
  if (isGone) return;
  if (response.headersSent) {
    scope.cutStatus = failure.status;
    response.destroy();
    return;
  }
  const body = JSON.stringify(problemOf(failure, scope));
  setServerTiming(response, scope);
  response.writeHead(failure.status, {
    'Content-Type': PROBLEM_TYPE,
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(body),
    ...failure.headers,
  });
  response.end(body);
}
