import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import type { HttpSettings } from '#config/settings.ts';

import { HttpError } from './http-error.ts';
import type { HttpLog } from './http-log.ts';
import { ListenError } from './listen-error.ts';
import { failureOf } from './problem.ts';
import { rawAnswer } from './raw-answer.ts';

/** How often Node looks for requests that are too slow. */
const CHECKING_INTERVAL_MS = 1000;

/** A refused peer may still be sending: reading on for a moment lets it see the answer instead of a reset. */
const LINGER_MS = 500;

/**
 * The lull in which listening ends, and how long it is looked for. Nobody is answered meanwhile, so clients that wait
 * for an answer before they connect again all end up waiting; others connect as long as they like.
 */
const LULL_MS = 25;
const LULL_SEARCH_MS = 500;

/** A turn of the event loop that takes longer may have kept somebody waiting at the door. */
const SHORT_TURN_MS = 0.5;

/** How long a connection that was opened just before the end may take to send its request. */
const LAST_REQUEST_MS = 250;
const QUIET_CHECK_MS = 25;

/** The listener's times and bounds. */
export interface ServerSettings extends Pick<
  HttpSettings,
  'host' | 'port' | 'headersTimeoutMs' | 'receiveTimeoutMs' | 'keepAliveMs' | 'maxConnections'
> {
  /** Of the variables that the address comes from, such as `MANAGEMENT_`; absent: none. */
  readonly variablePrefix?: string;
}

/** Milliseconds of the two phases of an orderly end. */
export interface CloseOptions {
  /** Go on serving, with `Connection: close` on every answer. */
  readonly drainMs: number;
  /** After that, let what is in flight finish; then connections are cut. */
  readonly graceMs: number;
}

/** A listener around an app. `close()` loses no request that a client has sent in time. */
export class HttpServer {
  readonly #server: Server;
  readonly #settings: ServerSettings;
  readonly #log: HttpLog;
  readonly #inFlight = new Set<ServerResponse>();
  readonly #refused = new WeakSet<Duplex>();
  /** Connections accepted and answers ended. */
  #events = 0;
  /** Requests that are answered once listening has ended; undefined while they are answered at once. */
  #held: (() => void)[] | undefined;
  #isDraining = false;
  #closing: Promise<void> | undefined;

  constructor(listener: RequestListener, settings: ServerSettings, log: HttpLog) {
    this.#settings = settings;
    this.#log = log;
    this.#server = createServer({
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: settings.receiveTimeoutMs,
      keepAliveTimeout: settings.keepAliveMs,
      connectionsCheckingInterval: CHECKING_INTERVAL_MS,
      // The app answers a missing Host with a body.
      requireHostHeader: false,
    });
    this.#server.maxConnections = settings.maxConnections;
    this.#server.on('connection', () => {
      this.#events += 1;
    });
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      this.#track(response);
      if (this.#held === undefined) listener(request, response);
      else this.#held.push(() => listener(request, response));
    };
    this.#server.on('request', serve);
    // An expectation we do not know is one we may ignore (RFC 9110, 10.1.1).
    this.#server.on('checkExpectation', serve);
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refuse(socket, error.code);
    });
    this.#server.on('connect', (_request, socket) => {
      // Node has taken its own listener off: a reset would end the process.
      socket.on('error', () => socket.destroy());
      this.#answer(socket, new HttpError('METHOD_NOT_ALLOWED', { headers: { Allow: '' } }));
    });
  }

  /** Starts listening and says where. Rejects with what to do when the address cannot be had. */
  async listen(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port } = this.#settings;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).listen({ host, port }, resolve);
    try {
      await promise;
    } catch (error) {
      throw new ListenError(listenFault(error, this.#settings), error);
    } finally {
      this.#server.off('error', reject);
    }
    // Without a listener, one connection that cannot be accepted (out of file descriptors) would end the process.
    this.#server.on('error', (error) => {
      const fields = { event: 'http.listener.failed', err: error };
      this.#log.error(fields, 'a connection could not be accepted');
    });
    return { host, port: portOf(this.#server.address()) ?? port };
  }

  /** Drains, stops accepting, lets requests in flight finish, and cuts what is left after the grace. Every call gets the same promise. */
  close(options: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ drainMs: 0, graceMs: 0 });
  }

  async #close({ drainMs, graceMs }: CloseOptions): Promise<void> {
    if (!this.#server.listening) return;
    this.#isDraining = true;
    for (const response of this.#inFlight) announceEnd(response);
    await delay(drainMs);

    const drainedAt = performance.now();
    const held: (() => void)[] = (this.#held = []);
    await this.#untilLull(Math.min(LULL_SEARCH_MS, graceMs));
    const leftMs = Math.max(0, graceMs - (performance.now() - drainedAt));
    const closed = Promise.withResolvers<void>();
    // Closes idle connections too. Those were idle for the whole drain, or their last answer would have closed them.
    this.#server.close(() => {
      closed.resolve();
    });
    this.#held = undefined;
    for (const serve of held) serve();
    const ended = new AbortController();
    await Promise.race([
      closed.promise,
      this.#untilQuiet(ended.signal),
      delay(leftMs, undefined, { signal: ended.signal }).catch(() => undefined),
    ]);
    ended.abort();
    this.#server.closeAllConnections();
    await closed.promise;
  }

  /**
   * Resolves in a moment in which nobody was accepted or answered for a while, or at the latest after `withinMs`:
   * connections that the kernel holds for us are reset together with the listener.
   */
  async #untilLull(withinMs: number): Promise<void> {
    const startedAt = performance.now();
    let busyAt = startedAt;
    let now = startedAt;
    let isLull = false;
    while (!isLull && now - startedAt < withinMs) {
      const events = this.#events;
      const turnedAt = now;
      // Turns of the event loop rather than a timer: who waits is accepted, and we stop right after that.
      await nextTurn();
      now = performance.now();
      if (events !== this.#events) busyAt = now;
      isLull = now - busyAt > LULL_MS && now - turnedAt < SHORT_TURN_MS;
    }
  }

  /** Resolves when nothing has been in flight for as long as a last request may take to come. */
  async #untilQuiet(signal: AbortSignal): Promise<void> {
    let quietMs = 0;
    while (quietMs < LAST_REQUEST_MS && !signal.aborted) {
      await delay(QUIET_CHECK_MS);
      quietMs = this.#inFlight.size === 0 ? quietMs + QUIET_CHECK_MS : 0;
    }
  }

  #track(response: ServerResponse): void {
    this.#inFlight.add(response);
    response.once('close', () => {
      this.#inFlight.delete(response);
      this.#events += 1;
    });
    if (this.#isDraining) announceEnd(response);
  }

  /** Answers what Node's parser or its clocks refuse. */
  #refuse(socket: Duplex, code: string | undefined): void {
    if (code === 'ECONNRESET' || !socket.writable) {
      if (!this.#refused.has(socket)) socket.destroy();
      return;
    }
    const pending = [...this.#inFlight].find((response) => response.socket === socket);
    if (pending?.req.complete === true) {
      // What came before is still being answered: a refusal now would be taken for that answer.
      announceEnd(pending);
      pending.once('close', () => socket.destroy());
    } else if (pending?.headersSent === true) {
      socket.destroy();
    } else {
      this.#answer(socket, parserError(code), code);
    }
  }

  #answer(socket: Duplex, error: HttpError, cause?: string): void {
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const { bytes, requestId } = rawAnswer(failureOf(error));
    socket.end(bytes);
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
    const { status, code } = error;
    this.#log.info(
      { event: 'http.refused', status, code, cause, request_id: requestId },
      'request refused before it was read',
    );
  }
}

/** Ports that are tried where nobody chose one. */
const NEARBY_PORTS = 20;

/**
 * A server for `listener` that listens: at the port of the settings or, where that may move, at the first free one from
 * there on, so that two checkouts run side by side. Rejects with ListenError.
 */
export async function startHttpServer(
  listener: RequestListener,
  settings: ServerSettings & Pick<HttpSettings, 'mayMovePort'>,
  log: HttpLog,
): Promise<{ readonly server: HttpServer; readonly host: string; readonly port: number }> {
  const last = settings.mayMovePort ? settings.port + NEARBY_PORTS : settings.port;
  for (let port = settings.port; ; port += 1) {
    const server = createHttpServer(listener, { ...settings, port }, log);
    try {
      return { server, ...(await server.listen()) };
    } catch (error) {
      if (port >= last || !(error instanceof ListenError) || !error.isTaken) throw error;
    }
  }
}

/** A server for `listener`, not yet listening. */
export function createHttpServer(
  listener: RequestListener,
  settings: ServerSettings,
  log: HttpLog,
): HttpServer {
  return new HttpServer(listener, settings, log);
}

function announceEnd(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function parserError(code: string | undefined): HttpError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpError('REQUEST_TIMEOUT', {
        status: 408,
        detail: 'the request did not arrive in time',
      });
    case 'HPE_HEADER_OVERFLOW':
      return new HttpError('INPUT_INVALID', {
        status: 431,
        detail: 'the request line and headers are larger than allowed',
      });
    default:
      return new HttpError('INPUT_INVALID', { detail: 'the request is not valid HTTP' });
  }
}

function portOf(address: AddressInfo | string | null): number | undefined {
  return typeof address === 'object' ? address?.port : undefined;
}

function listenFault(error: unknown, { host, port, variablePrefix = '' }: ServerSettings): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return `${address} is already in use: stop the other program, or set ${variablePrefix}PORT to another port`;
    case 'EACCES':
      return `${address} may not be listened on: ports below 1024 need a privilege, set ${variablePrefix}PORT to a higher one`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${address} is no address of this machine: check ${variablePrefix}HOST`;
    default:
      return `${address} cannot be listened on (${String(code)})`;
  }
}
