import type { Response } from 'express';

import type { RequestScope } from './request-scope.ts';

/** Tells the client what the database took of its request, where it was used; call it before the head is written. */
export function setServerTiming(response: Response, { hasSession, database }: RequestScope): void {
  if (!hasSession) return;
  const { operations, queryMs, waitMs } = database;
  response.setHeader(
    'Server-Timing',
    `db;dur=${roundMs(queryMs)};desc="${operations} queries", pool;dur=${roundMs(waitMs)}`,
  );
}

/** Milliseconds, to the microsecond. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
