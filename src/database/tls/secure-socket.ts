import { once } from 'node:events';
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { TlsSettings } from '#config/settings.ts';
import { DatabaseError } from '#database/database-error.ts';
import { guardedSocket, guardSocket } from '#database/pool/guarded-socket.ts';
import { readTlsFiles } from './read-tls-files.ts';
import type { TlsMaterial } from './read-tls-files.ts';

/** Where TLS is asked for, and what is asked. */
export interface SecureTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsSettings;
}

/** A socket on which everything is encrypted, and when the first certificate that it depends on expires. */
export interface SecureSocket {
  readonly socket: TLSSocket;
  /** Unix time in milliseconds. */
  readonly certificatesExpireAt: number;
}

// https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
const ACCEPTED = 'S'.charCodeAt(0);
const REFUSED = 'N'.charCodeAt(0);

/** Errors of a network that fails, whatever is sent over it. */
const NETWORK = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
]);

/**
 * Connects, asks the server for TLS and shakes hands. Nothing of the caller is sent before the server is as `tls` wants it.
 * Closes its socket when it fails or the signal is aborted before it has ended.
 *
 * @throws DatabaseError `DB_TLS`; an error of Node's when the network fails
 */
export async function openSecureSocket(
  { host, port, tls }: SecureTarget,
  signal: AbortSignal,
): Promise<SecureSocket> {
  const material = await readTlsFiles(tls, signal);
  signal.throwIfAborted();
  const socket = guardedSocket();
  const destroy = () => void socket.destroy();
  signal.addEventListener('abort', destroy);
  try {
    // All stay for life: an `error` without a listener ends the process.
    socket.on('error', () => undefined);
    socket.setNoDelay(true).connect({ host, port });
    await unlessClosed(socket, once(socket, 'connect'));
    await askForTls(socket);
    const secured = await shakeHands(socket, host, tls, material);
    return {
      socket: secured,
      certificatesExpireAt: Math.min(
        firstExpiry(secured),
        material.certificateExpiresAt ?? Infinity,
      ),
    };
  } catch (error) {
    destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

/** What arrives with the answer, unprotected, might otherwise be taken for a part of what is protected (CVE-2021-23222). */
async function askForTls(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  socket.once('data', (bytes: Uint8Array) => {
    // Nobody reads until TLS does: what comes next is taken for its records.
    socket.pause();
    resolve(bytes);
  });
  socket.write(SSL_REQUEST);
  const [answer, ...more] = await unlessClosed(socket, promise);
  if (answer === REFUSED) throw refused('the server does not offer TLS');
  if (answer !== ACCEPTED) throw refused('the server did not answer the request for TLS');
  if (more.length > 0) throw refused('data came in plain text before the handshake');
}

async function shakeHands(
  socket: Socket,
  host: string,
  tls: TlsSettings,
  material: TlsMaterial,
): Promise<TLSSocket> {
  const options: ConnectionOptions = {
    ...material,
    socket,
    minVersion: 'TLSv1.2',
    // An address has no place in SNI; the certificate is compared with it all the same.
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: tls.mode !== 'require',
    checkServerIdentity: (_name, certificate) =>
      tls.mode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
  };
  try {
    const secured = guardSocket(connectTls(options));
    secured.on('error', () => undefined);
    await unlessClosed(secured, once(secured, 'secureConnect'));
    return secured;
  } catch (error) {
    throw handshakeError(error);
  }
}

/** Resolves with the event; rejects with the error of the socket, or when it is closed before. */
async function unlessClosed<T>(socket: Socket, event: Promise<T>): Promise<T> {
  const { promise: closed, reject } = Promise.withResolvers<never>();
  const close = () => reject(new DatabaseError('DB_CONNECTION_LOST', 'before TLS was agreed on'));
  socket.once('error', reject).once('close', close);
  try {
    return await Promise.race([event, closed]);
  } finally {
    socket.off('error', reject).off('close', close);
  }
}

function handshakeError(error: unknown): unknown {
  if (error instanceof DatabaseError || !(error instanceof Error)) return error;
  const code = String(Reflect.get(error, 'code'));
  return NETWORK.has(code) ? error : refused(`${error.message} (${code})`);
}

function refused(reason: string): DatabaseError {
  return new DatabaseError('DB_TLS', reason);
}

/** Of the server's certificate and those that vouch for it. */
function firstExpiry(socket: TLSSocket): number {
  const expiries: number[] = [];
  let certificate = socket.getPeerCertificate(true);
  const seen = new Set<string>();
  while (certificate?.fingerprint256 !== undefined && !seen.has(certificate.fingerprint256)) {
    seen.add(certificate.fingerprint256);
    expiries.push(Date.parse(certificate.valid_to));
    certificate = certificate.issuerCertificate;
  }
  return Math.min(...expiries);
}
