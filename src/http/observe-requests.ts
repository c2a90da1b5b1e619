import { isIP } from 'node:net';

import type { RequestHandler } from 'express';

import type { DatabaseShare } from '#database/work-scope.ts';

import type { HttpLog } from './http-log.ts';
import type { HttpObserver } from './http-observer.ts';
import { observedMethod } from './http-observer.ts';
import { newRequestScope, runInRequestScope } from './request-scope.ts';
import { roundMs } from './server-timing.ts';

/** As nginx logs it: the client closed the connection before it was answered. */
const CLIENT_CLOSED_REQUEST = 499;

/** Opens the scope of every request, returns its ids, and tells its end to the observer and the access log. */
export function observeRequests(observer: HttpObserver, log: HttpLog): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    const method = observedMethod(request.method);
    const scope = newRequestScope(request.get('X-Request-Id'));
    response.setHeader('X-Request-Id', scope.requestId);
    response.setHeader('X-Trace-Id', scope.traceId);
    observer.requestStarted({ method });
    // Now: the address is gone with the socket of a client that goes away. Behind a trusted proxy it is a header's text.
    const client = isIP(request.ip ?? '') === 0 ? undefined : request.ip;
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : CLIENT_CLOSED_REQUEST;
      const durationMs = performance.now() - startedAt;
      observer.requestEnded({ method, route: scope.route, status, durationMs, scope });
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
    runInRequestScope(scope, next);
  };
}

function databaseFields({ operations, queryMs, waitMs }: DatabaseShare) {
  return { db_queries: operations, db_ms: roundMs(queryMs), db_wait_ms: roundMs(waitMs) };
}
