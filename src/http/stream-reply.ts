import type { Response } from 'express';

import type { EncodedReply, ReplyHead } from './encode-reply.ts';
import { headOf, requireAsDeclared } from './encode-reply.ts';
import type { RequestScope } from './request-scope.ts';
import type { Route, RouteReply } from './route.ts';
import { setServerTiming } from './server-timing.ts';
import { leaveStalled } from './stalled-client.ts';

/** An answer that ends before it has this many characters is sent whole, as any other. */
const BEGIN_AT = 65_536;

/** How a streamed answer is sent. */
export interface StreamOptions {
  readonly response: Response;
  readonly scope: RequestScope | undefined;
  /** Aborts when the client goes away or a deadline passes. */
  readonly signal: AbortSignal;
  /** A client that takes nothing for so long is left. */
  readonly stallMs: number;
  /** Hold the JSON of every batch against the declared schema. */
  readonly checkBody: boolean;
  /** HEAD: nothing is sent but the head. */
  readonly isHead: boolean;
  /** Called when the first bytes are on their way: from then on a failure cannot be answered. */
  readonly onBegun: () => void;
}

/** What is left to send once the session has ended well; without it, what was sent is no JSON. */
export interface StreamEnd {
  readonly end: string;
}

/**
 * Sends a streamed reply as its batches come, none before the client has taken the one before. Resolves with the whole
 * reply when it is small, so that until then every failure is answered as a problem. Stops reading when it throws.
 */
export async function streamReply(
  route: Route,
  reply: RouteReply<unknown>,
  options: StreamOptions,
): Promise<EncodedReply | StreamEnd> {
  const { response, scope, signal, isHead, onBegun } = options;
  const head = headOf(route, reply);
  // In JSON the items come last, so that what precedes and follows them are the two ends of a body without any.
  const empty = JSON.stringify({ ...Object(reply.body), items: [] });
  const end = empty.slice(-2);
  let text = empty.slice(0, -end.length);
  let hasBegun = false;
  let isFirst = true;
  for await (const batch of reply.items ?? []) {
    signal.throwIfAborted();
    if (batch.length > 0) {
      const items = JSON.stringify(batch);
      if (options.checkBody) {
        requireAsDeclared(route, head.status, `${empty.slice(0, -end.length - 1)}${items}}`);
      }
      text += `${isFirst ? '' : ','}${items.slice(1, -1)}`;
      isFirst = false;
    }
    if (text.length < BEGIN_AT) continue;
    if (isHead) return { ...head, body: undefined };
    if (!hasBegun) {
      begin(response, head, scope);
      hasBegun = true;
      onBegun();
    }
    const isTaken = response.write(text);
    text = '';
    if (!isTaken) await taken(options);
  }
  return hasBegun ? { end: `${text}${end}` } : { ...head, body: `${text}${end}` };
}

function begin(
  response: Response,
  { status, headers }: ReplyHead,
  scope: RequestScope | undefined,
): void {
  if (scope !== undefined) setServerTiming(response, scope);
  response.writeHead(status, { ...headers, 'Content-Type': 'application/json' });
}

/** Resolves when the client has taken what was written; leaves a client that does not. */
async function taken({ response, scope, signal, stallMs }: StreamOptions): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  const stall = setTimeout(() => leaveStalled(response, scope), stallMs);
  response.once('drain', resolve);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(stall);
    response.off('drain', resolve);
    signal.removeEventListener('abort', onAbort);
  }
}
