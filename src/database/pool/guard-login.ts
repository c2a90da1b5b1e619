import { Socket } from 'node:net';
import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import { innerConnection } from './inner-connection.ts';

/** Requests for a password that give it, or what is as good, to whoever asks; as pg names them. */
const REVEALING = {
  authenticationCleartextPassword: 'in clear text',
  authenticationMD5Password: 'as an MD5 hash',
} as const;

/**
 * Has a client answer no request for a password that would reveal it: pg answers all of them, from any server. Only SCRAM
 * proves that both sides know it and tells neither. Call before the client connects; ends its socket with `DB_TLS`.
 */
export function refuseToReveal(client: pg.Client): void {
  const inner = innerConnection(client);
  for (const [request, how] of Object.entries(REVEALING)) {
    // Told before pg is, which then has no socket to write to.
    inner.on(request, () => {
      const socket: unknown = Reflect.get(inner, 'stream');
      const reason = `the server wants the password ${how}, which only a verified server gets: set DB_SSL_MODE to verify-full, or have the server use scram-sha-256`;
      if (socket instanceof Socket) socket.destroy(new DatabaseError('DB_TLS', reason));
    });
  }
}

/**
 * Call after the login. A server that began SCRAM and let us in before it proved that it knows the password is not the one
 * that we mean.
 *
 * @throws DatabaseError `DB_AUTH_FAILED`
 */
export function assertProven(client: pg.Client): void {
  const unfinished: unknown = Reflect.get(client, 'saslSession');
  if (unfinished !== undefined && unfinished !== null) {
    throw new DatabaseError(
      'DB_AUTH_FAILED',
      'the server did not prove that it knows the password: something else answers in its place',
    );
  }
}
