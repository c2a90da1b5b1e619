import { validateHeaderName, validateHeaderValue } from 'node:http';

import type { Route, RouteReply } from './route.ts';

/** How an answer begins. */
export interface ReplyHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** A reply that can no longer fail: what goes on the wire after the commit. */
export interface EncodedReply extends ReplyHead {
  /** JSON; undefined when the answer has no body. */
  readonly body: string | undefined;
}

/**
 * A handler's reply as bytes to send. Throws on what the route does not declare; call it inside the session, so that
 * nothing is committed for an answer that cannot be given. `checkBody` also holds the JSON against the declared schema.
 */
export function encodeReply(
  route: Route,
  reply: RouteReply<unknown>,
  { checkBody }: { readonly checkBody: boolean },
): EncodedReply {
  const head = headOf(route, reply);
  const body = reply.body === undefined ? undefined : JSON.stringify(reply.body);
  if (checkBody) requireAsDeclared(route, reply.status, body);
  return { ...head, body };
}

/** The head of a reply. Throws on a status or a header that is not one, or not the route's. */
export function headOf(route: Route, reply: RouteReply<unknown>): ReplyHead {
  const { status, headers = {} } = reply;
  const declared = route.responses[status];
  if (declared === undefined || status >= 400) {
    throw new Error(
      `bug: ${route.operationId} replied ${status}; declare successes, throw failures`,
    );
  }
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  if ((reply.items !== undefined) !== (route.streams === true)) {
    throw new Error(
      `bug: ${route.operationId} must declare that it streams, and then reply with items`,
    );
  }
  return { status, headers };
}

/** Throws when JSON is not what the route declares to answer. */
export function requireAsDeclared(route: Route, status: number, body: string | undefined): void {
  const schema = route.responses[status]?.schema;
  const isAsDeclared =
    schema === undefined
      ? body === undefined
      : body !== undefined && schema.safeParse(JSON.parse(body)).success;
  if (!isAsDeclared) {
    throw new Error(`bug: the body of ${route.operationId} is not what its schema says`);
  }
}
