import { validateHeaderName, validateHeaderValue } from 'node:http';

import type { Route, RouteReply } from './route.ts';

/** A reply that can no longer fail: what goes on the wire after the commit. */
export interface EncodedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
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
  const body = reply.body === undefined ? undefined : JSON.stringify(reply.body);
  if (checkBody) {
    const isAsDeclared =
      declared.schema === undefined
        ? body === undefined
        : body !== undefined && declared.schema.safeParse(JSON.parse(body)).success;
    if (!isAsDeclared) {
      throw new Error(`bug: the body of ${route.operationId} is not what its schema says`);
    }
  }
  return { status, headers, body };
}
