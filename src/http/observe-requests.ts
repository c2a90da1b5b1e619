import { isIP } from 'node:net';

import type { Request, RequestHandler } from 'express';

import type { DatabaseShare } from '#database/work-scope.ts';

import type { HttpLog } from './http-log.ts';
import type { HttpObserver } from './http-observer.ts';
import { observedMethod } from './http-observer.ts';
import { newRequestScope, runInRequestScope } from './request-scope.ts';
import type { RequestTracer, TracedRequest } from './request-tracer.ts';
import { roundMs } from './server-timing.ts';
import { parseTraceparent } from './traceparent.ts';

/** As nginx logs it: the client closed the connection before it was answered. */
const CLIENT_CLOSED_REQUEST = 499;

/** Who is told of requests. */
export interface RequestListeners {
  readonly observer: HttpObserver;
  readonly log: HttpLog;
  readonly tracer: RequestTracer;
  /** Whether a caller may say which trace its request is a part of. */
  readonly trustTraceHeaders: boolean;
}

/** Opens the scope and the trace of every request, returns its ids, and tells its end to observer, trace and log. */
export function observeRequests({
  observer,
  log,
  tracer,
  trustTraceHeaders,
}: RequestListeners): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    const method = observedMethod(request.method);
    const trace = tracer.start(traced(request, method, trustTraceHeaders));
    const scope = newRequestScope(request.get('X-Request-Id'), trace);
    response.setHeader('X-Request-Id', scope.requestId);
    response.setHeader('X-Trace-Id', scope.traceId);
    observer.requestStarted({ method });
    // Now: the address is gone with the socket of a client that goes away. Behind a trusted proxy it is a header's text.
    const client = isIP(request.ip ?? '') === 0 ? undefined : request.ip;
    response.once('close', () => {
      const status = response.writableFinished
        ? response.statusCode
        : (scope.cutStatus ?? CLIENT_CLOSED_REQUEST);
      const durationMs = performance.now() - startedAt;
      observer.requestEnded({ method, route: scope.route, status, durationMs, scope });
      trace.end({ route: scope.route, status, code: scope.code });
      if (scope.isQuiet && status < 400) return;
      const fields = {
        event: 'http.request',
        method,
        route: scope.route,
        status,
        ms: roundMs(durationMs),
        client,
        code: scope.code,
        request_id: scope.requestId,
        trace_id: scope.traceId,
        span_id: scope.spanId,
        ...(scope.hasSession && databaseFields(scope.database)),
      };
      log.info(fields, 'request');
    });
    trace.run(() => runInRequestScope(scope, next));
  };
}

function databaseFields({ operations, queryMs, waitMs }: DatabaseShare) {
  return { db_queries: operations, db_ms: roundMs(queryMs), db_wait_ms: roundMs(waitMs) };
}

function traced(
  { headers, httpVersion, socket }: Request,
  method: string,
  trustTraceHeaders: boolean,
): TracedRequest {
  // Sent more than once it is malformed; then Node has joined it by commas, and never made a list of it.
  const { traceparent, tracestate } = headers;
  const header = typeof traceparent === 'string' ? traceparent : undefined;
  if (!trustTraceHeaders) {
    // Ids of hexadecimal digits lead to the caller's trace; its state would be any text of a stranger's.
    return { method, httpVersion, socket, parent: undefined, link: parseTraceparent(header) };
  }
  const state = typeof tracestate === 'string' ? tracestate : undefined;
  return { method, httpVersion, socket, parent: parseTraceparent(header, state), link: undefined };
}
