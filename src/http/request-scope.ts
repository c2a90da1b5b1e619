import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

import { v4 as uuid } from 'uuid';

import type { DatabaseShare, WorkScope } from '#database/work-scope.ts';

import type { ErrorCode } from './error-codes.ts';
import type { RequestTracer, TraceIds } from './request-tracer.ts';

const KEPT_REQUEST_ID = /^[\w.-]{1,128}$/;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** What is known of the request in whose course the present code runs. */
export interface RequestScope extends WorkScope {
  readonly requestId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly database: DatabaseShare;
  /** A session was opened for it. */
  hasSession: boolean;
  /** Template of the matched route; `unmatched` until there is one. */
  route: string;
  /** Probes and scrapes: not worth a line while they succeed. */
  isQuiet: boolean;
  /** Code of the problem that was answered. */
  code: ErrorCode | undefined;
  /** What the status would have been, had the answer not begun already when it failed. */
  cutStatus: number | undefined;
  /** Of the matched route: constraint name → sentence for the client. */
  constraints: Readonly<Record<string, string>> | undefined;
}

const storage = new AsyncLocalStorage<RequestScope>();

/** Records nothing; its requests have ids all the same, and join the trace of a caller that is trusted. */
export const untraced: RequestTracer = {
  start: ({ parent }) => ({ ...newTraceIds(parent?.traceId), run: (work) => work(), end() {} }),
};

/** A scope with these ids or new ones; the caller's request id is kept when it is short and plain. */
export function newRequestScope(
  callersId?: string,
  { traceId, spanId, isSampled }: TraceIds = newTraceIds(),
): RequestScope {
  return {
    requestId: callersId !== undefined && KEPT_REQUEST_ID.test(callersId) ? callersId : uuid(),
    traceId,
    spanId,
    isSampled,
    database: { operations: 0, queryMs: 0, waitMs: 0 },
    hasSession: false,
    route: 'unmatched',
    isQuiet: false,
    code: undefined,
    cutStatus: undefined,
    constraints: undefined,
  };
}

function newTraceIds(traceId?: string): TraceIds {
  // Asked for once: the call costs more than the bytes.
  const random = randomBytes(TRACE_ID_BYTES + SPAN_ID_BYTES).toString('hex');
  return {
    traceId: traceId ?? random.slice(2 * SPAN_ID_BYTES),
    spanId: random.slice(0, 2 * SPAN_ID_BYTES),
    isSampled: false,
  };
}

/** Runs `work`, and all it starts, in `scope`. */
export function runInRequestScope<T>(scope: RequestScope, work: () => T): T {
  return storage.run(scope, work);
}

/** The present request's scope; undefined outside of one. */
export function currentRequestScope(): RequestScope | undefined {
  return storage.getStore();
}

/** Fields of every line that is written in the course of a request. */
export function requestIds():
  | { readonly request_id: string; readonly trace_id: string; readonly span_id: string }
  | undefined {
  const scope = currentRequestScope();
  return scope && { request_id: scope.requestId, trace_id: scope.traceId, span_id: scope.spanId };
}
