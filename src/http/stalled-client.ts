import type { Response } from 'express';

import type { RequestScope } from './request-scope.ts';

/** Leaves a client that takes nothing of its answer: as one that goes away, but the log tells why. */
export function leaveStalled(response: Response, scope: RequestScope | undefined): void {
  if (scope !== undefined) scope.code = 'REQUEST_TIMEOUT';
  response.destroy();
}
