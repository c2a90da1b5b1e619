import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** A whole answer. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed where the answer is JSON. */
  readonly body: unknown;
}

/** How one request ended. */
export type Exchange = (
  | Answer
  /** No connection was to be had, so nothing was sent. */
  | { readonly kind: 'refused' }
  /** Something may have been sent, and no whole answer came: a reset, a cut answer, the deadline. */
  | { readonly kind: 'broken'; readonly code: string }
) & {
  /** When it was sent and when it ended, in milliseconds of `performance.now()`. */
  readonly sentAt: number;
  readonly endedAt: number;
};

const DEADLINE_MS = 30_000;

/** A client with one connection, kept open between requests until the server asks to close it. */
export class KeepAliveClient {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(url: string) {
    this.#url = url;
  }

  /** Sends one request, once; never rejects. */
  async send(method: string, path: string, body?: object): Promise<Exchange> {
    const sentAt = performance.now();
    let ending: Answer | { kind: 'refused' } | { kind: 'broken'; code: string };
    try {
      ending = await this.#exchange(method, path, body);
    } catch (error) {
      const code = String((error instanceof Error && Reflect.get(error, 'code')) || error);
      ending = code === 'ECONNREFUSED' ? { kind: 'refused' } : { kind: 'broken', code };
    }
    return { ...ending, sentAt, endedAt: performance.now() };
  }

  /** Closes the connection. */
  close(): void {
    this.#agent.destroy();
  }

  #exchange(method: string, path: string, body: object | undefined): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = payload === undefined ? {} : { 'Content-Type': 'application/json' };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const sending = request(new URL(path, this.#url), {
      method,
      headers,
      agent: this.#agent,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    sending.once('error', reject);
    sending.once('response', (response) => {
      read(response).then(resolve, reject);
    });
    sending.end(payload);
    return promise;
  }
}

async function read(response: IncomingMessage): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  const body = await text(response);
  const isJson = headers['content-type']?.includes('json') === true && body !== '';
  return { kind: 'answer', status, headers, body: isJson ? JSON.parse(body) : body };
}

/** The `code` of a problem; undefined for any other answer. */
export function problemCode(exchange: Exchange): string | undefined {
  if (exchange.kind !== 'answer' || typeof exchange.body !== 'object' || exchange.body === null) {
    return undefined;
  }
  const code: unknown = Reflect.get(exchange.body, 'code');
  return typeof code === 'string' ? code : undefined;
}

/** What a tally of answers counts: the code of a problem, else the status, else how it ended. */
export function nameOfExchange(exchange: Exchange): string {
  switch (exchange.kind) {
    case 'answer': {
      const code = problemCode(exchange);
      return code === undefined ? String(exchange.status) : `${exchange.status} ${code}`;
    }
    case 'refused':
      return 'refused';
    case 'broken':
      return `broken ${exchange.code}`;
  }
}
