import { z } from 'zod';

import type { ErrorCode } from './error-codes.ts';

/** What a handler is given: validated input only. */
export interface RouteContext<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Conditions of the request as sent; read them with `ifMatchHolds` of etag.ts. */
  readonly headers: { readonly ifMatch?: string; readonly ifNoneMatch?: string };
  /** Aborts when the client goes away or the request's deadline passes. */
  readonly signal: AbortSignal;
}

/** A success. Failures are thrown (`HttpError`), so that the session rolls back. */
export interface RouteReply<T> {
  /** One of the statuses the route declares. */
  readonly status: number;
  /** Sent as JSON; absent for 204. */
  readonly body?: T;
  /**
   * Of a streamed route: batches of `items`, which follow the fields of `body`. They are read inside the session, while
   * the answer is sent.
   */
  readonly items?: AsyncIterable<readonly unknown[]>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A success as the API's description tells it. */
export interface ResponseSpec {
  readonly description: string;
  /** Of the JSON as sent: dates are strings. Absent: no body. */
  readonly schema?: z.ZodType;
  /** Header name → what it holds. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A resource's endpoint: what it takes, what it answers, and the work. The same schemas validate and document. */
export interface RouteSpec<P, Q, B, R> {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** Template with `:name` parameters, such as `/users/:id`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  /** Absent: the path has no parameters. Objects must be strict. */
  readonly params?: z.ZodType<P>;
  /** Absent: every query parameter is refused. */
  readonly query?: z.ZodType<Q>;
  /** Absent: a body is not read. */
  readonly body?: z.ZodType<B>;
  readonly responses: Readonly<Record<number, ResponseSpec>>;
  /** Codes a client should expect here, beside those every route may answer. */
  readonly errors: readonly ErrorCode[];
  /** The reply carries an `ETag` header, and `If-None-Match` is answered with 304. */
  readonly etag?: boolean;
  /**
   * The handler has no effect but on its session, so its session may be repeated from the beginning after a serialization
   * failure or a deadlock. Absent: it is not.
   */
  readonly repeatable?: boolean;
  /** Constraint name → what to tell the client when the database reports it violated. */
  readonly constraints?: Readonly<Record<string, string>>;
  /** Which database its session is of: `reporting` can only be read. Absent: the main one. */
  readonly database?: 'reporting';
  /**
   * The answer is sent as it is read, in bounded memory: the reply has `items`. An error after the beginning cuts the
   * connection, so that what has arrived is no JSON.
   */
  readonly streams?: boolean;
  readonly handler: (context: RouteContext<P, Q, B>) => Promise<RouteReply<R>>;
}

/** A route whose input types are hidden behind its schemas, so that routes of all kinds fit one list. */
export interface Route extends Omit<RouteSpec<unknown, unknown, unknown, unknown>, 'handler'> {
  /** The handler. Call it only with what `params`, `query` and `body` returned: the compiler cannot check that here. */
  run(context: RouteContext<unknown, unknown, unknown>): Promise<RouteReply<unknown>>;
}

/**
 * Makes a route of its description. Throws when an input schema would let unknown keys pass, and when what can only be
 * read is written, or a stream is asked to be more than one.
 */
export function defineRoute<P = undefined, Q = undefined, B = undefined, R = unknown>(
  spec: RouteSpec<P, Q, B, R>,
): Route {
  for (const schema of [spec.params, spec.query, spec.body]) {
    if (schema instanceof z.ZodObject && !(schema.def.catchall instanceof z.ZodNever)) {
      throw new Error(`bug: ${spec.operationId} takes unknown keys, use z.strictObject`);
    }
  }
  if (spec.method !== 'get' && (spec.streams === true || spec.database !== undefined)) {
    throw new Error(
      `bug: ${spec.operationId} writes, and can neither stream nor use another database`,
    );
  }
  if (spec.streams === true && (spec.etag === true || spec.repeatable === true)) {
    throw new Error(
      `bug: ${spec.operationId} streams: it has no entity tag before its end, and cannot begin again`,
    );
  }
  const { handler, ...description } = spec;
  return Object.freeze({ ...description, run: handler });
}
