import type { Request, Response } from 'express';
import { z } from 'zod';

import type { EncodedReply } from './encode-reply.ts';
import { encodeReply } from './encode-reply.ts';
import type { Endpoint } from './endpoint.ts';
import { isNotModified } from './etag.ts';
import { HttpError, invalidBody, invalidRequest } from './http-error.ts';
import type { InFlightLimit } from './in-flight-limit.ts';
import { parseQuery } from './parse-query.ts';
import type { JsonReader } from './read-json.ts';
import { READ_AFTER, readAfterOf } from './read-after.ts';
import { currentRequestScope } from './request-scope.ts';
import type { SessionRunner } from './request-session.ts';
import { requestSession } from './request-session.ts';
import type { Route, RouteContext } from './route.ts';
import { setServerTiming } from './server-timing.ts';
import { leaveStalled } from './stalled-client.ts';
import { streamReply } from './stream-reply.ts';
import { validate } from './validate.ts';

const NOTHING = z.strictObject({});

/** What all routes of an app share. */
export interface RouteServices {
  readonly sessions: SessionRunner;
  /** Sessions of the reporting database; undefined while there is none. */
  readonly reporting: () => SessionRunner | undefined;
  readonly readJson: JsonReader;
  readonly inFlight: InFlightLimit;
  readonly requestTimeoutMs: number;
  readonly streamTimeoutMs: number;
  /** Hold every reply against its schema before it is committed. */
  readonly checkReplies: boolean;
}

/** A route as served: input validated, work in a session, answer sent once it is committed. */
export function routeEndpoint(route: Route, services: RouteServices): Endpoint {
  const { inFlight, requestTimeoutMs: deadlineMs, checkReplies: checkBody } = services;
  const readOnly = route.method === 'get';
  const repeatable = route.repeatable ?? false;
  const name = `${route.method.toUpperCase()} ${route.path}`;

  return {
    method: route.method,
    path: route.path,
    async handle(request, response) {
      const scope = currentRequestScope();
      if (scope !== undefined) scope.constraints = route.constraints;
      inFlight.enter(response);
      requireAcceptable(request);
      const input = await readInput(route, request, response, services.readJson);
      const sessions = sessionsFor(route, services);
      const readAfter =
        readOnly && route.database === undefined ? readAfterOf(request.get(READ_AFTER)) : undefined;
      let walPosition: string | undefined;
      if (scope !== undefined) scope.hasSession = true;
      const reply = await requestSession(
        sessions,
        async (signal, moveDeadline) => {
          const given = await route.run({ ...input, signal });
          if (route.streams !== true) return encodeReply(route, given, { checkBody });
          return await streamReply(route, given, {
            response,
            scope,
            signal,
            stallMs: deadlineMs,
            checkBody,
            isHead: request.method === 'HEAD',
            onBegun: () => moveDeadline(services.streamTimeoutMs),
          });
        },
        {
          name,
          readOnly,
          repeatable,
          scope,
          readAfter,
          onPosition: (position) => {
            walPosition = position;
          },
          deadlineMs,
          clientGone: goneSignal(response),
        },
      );
      // Counts the time in which nothing is taken; for what comes after the answer, Node sets its own.
      response.setTimeout(deadlineMs, () => leaveStalled(response, scope));
      if ('end' in reply) {
        response.end(reply.end);
        return;
      }
      if (scope !== undefined) setServerTiming(response, scope);
      if (walPosition !== undefined) response.setHeader(READ_AFTER, walPosition);
      send(route, reply, request, response);
    },
  };
}

/** Throws `NOT_CONFIGURED` when the route's database is none. */
function sessionsFor(
  { database }: Route,
  { sessions, reporting }: Pick<RouteServices, 'sessions' | 'reporting'>,
): SessionRunner {
  if (database === undefined) return sessions;
  const runner = reporting();
  if (runner !== undefined) return runner;
  throw new HttpError('NOT_CONFIGURED', {
    detail: 'reports are not configured here: set REPORTING_DATABASE_URL',
  });
}

function requireAcceptable(request: Request): void {
  if (request.accepts(['application/json', 'application/problem+json']) === false) {
    throw new HttpError('NOT_ACCEPTABLE');
  }
}

async function readInput(
  route: Route,
  request: Request,
  response: Response,
  readJson: JsonReader,
): Promise<Omit<RouteContext<unknown, unknown, unknown>, 'signal'>> {
  const params = validate(route.params ?? NOTHING, request.params);
  if ('faults' in params) throw invalidRequest('the path is not valid', params.faults);
  const query = validate(route.query ?? NOTHING, parseQuery(request.url));
  if ('faults' in query) throw invalidRequest('the query is not valid', query.faults);
  const body =
    route.body === undefined
      ? { value: undefined }
      : validate(route.body, await readJson(request, response));
  if ('faults' in body) throw invalidBody(body.faults);
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
  return {
    params: params.value,
    query: query.value,
    body: body.value,
    headers: {
      ...(ifMatch === undefined ? {} : { ifMatch }),
      ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    },
  };
}

function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    if (!response.writableFinished) controller.abort(new Error('the client went away'));
  };
  if (response.closed) abort();
  // Before the listeners who sum the request up: what the abort ends is part of it.
  else response.prependOnceListener('close', abort);
  return controller.signal;
}

function send(route: Route, reply: EncodedReply, request: Request, response: Response): void {
  for (const [header, value] of Object.entries(reply.headers)) response.setHeader(header, value);
  const etag = response.getHeader('ETag');
  const isFresh =
    route.etag === true &&
    route.method === 'get' &&
    typeof etag === 'string' &&
    isNotModified(request.headers['if-none-match'], etag);
  if (isFresh) {
    response.writeHead(304).end();
    return;
  }
  if (reply.body === undefined) {
    const type = route.streams === true ? { 'Content-Type': 'application/json' } : {};
    response.writeHead(reply.status, type).end();
    return;
  }
  response.writeHead(reply.status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(reply.body),
  });
  response.end(reply.body);
}
