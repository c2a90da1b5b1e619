import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';
import type { TlsSettings } from '#config/settings.ts';
import { openSecureSocket } from '#database/tls/secure-socket.ts';
import { systemClock } from './clock.ts';

/**
 * What became of a request to cancel. `confirmed`: the server has closed the socket, the signal has been sent and will
 * not meet a later statement. `unsent`: nothing was written. `unknown`: it was written, and may arrive at any time: the
 * connection that it names must not be used for another statement.
 */
export type CancelOutcome = 'confirmed' | 'unsent' | 'unknown';

/** The backend whose statement is to be cancelled, as the server introduced it at login. */
export interface CancelTarget {
  /** A directory of Unix sockets when it begins with `/`. */
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly secretKey: number;
  /** As the connection to cancel has it; undefined = plain text. */
  readonly tls?: TlsSettings | undefined;
  /** Milliseconds for connecting, sending and the server's answer together. */
  readonly timeoutMs: number;
}

// https://www.postgresql.org/docs/current/protocol-message-formats.html, CancelRequest
const REQUEST_BYTES = 16;
const CANCEL_REQUEST_CODE = 80_877_102;

/**
 * Asks the server, on a socket of its own, to cancel what a backend is running. Over TLS where the connection is: the key is
 * as good as a password. Never rejects; resolves when the socket is closed.
 */
export async function sendCancelRequest(target: CancelTarget): Promise<CancelOutcome> {
  const { host, port, tls, timeoutMs } = target;
  const over = new AbortController();
  const timer = systemClock.start(() => systemClock.afterIo(() => over.abort()), timeoutMs);
  try {
    if (tls === undefined) {
      return await send(target, connect(addressOf(target)), over.signal);
    }
    const { socket } = await openSecureSocket({ host, port, tls }, over.signal);
    return await send(target, socket, over.signal);
  } catch {
    // Only what has not been sent is lost by an error.
    return 'unsent';
  } finally {
    timer.stop();
  }
}

/** Never rejects; resolves when the socket is closed, which the signal does. */
function send(target: CancelTarget, socket: Socket, signal: AbortSignal): Promise<CancelOutcome> {
  const { promise, resolve } = Promise.withResolvers<CancelOutcome>();
  let outcome: CancelOutcome = 'unsent';
  const write = () => {
    outcome = 'unknown';
    socket.write(requestFor(target));
  };
  signal.addEventListener('abort', () => void socket.destroy(), { once: true });
  socket.on('end', () => {
    outcome = 'confirmed';
  });
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(outcome));
  if (socket.connecting) {
    socket.on('connect', write);
  } else {
    write();
  }
  // Unread, the end would never be seen.
  socket.resume();
  return promise;
}

function addressOf({ host, port }: CancelTarget): NetConnectOpts {
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
}

function requestFor({ pid, secretKey }: CancelTarget): Uint8Array {
  const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
  request.setInt32(0, REQUEST_BYTES);
  request.setInt32(4, CANCEL_REQUEST_CODE);
  request.setInt32(8, pid);
  request.setInt32(12, secretKey);
  return new Uint8Array(request.buffer);
}
