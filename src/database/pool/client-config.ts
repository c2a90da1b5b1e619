import type { TLSSocket } from 'node:tls';
import type { ClientConfig } from 'pg';
import type { DatabaseConnection } from '#database/database-options.ts';
import type { SecureSocket } from '#database/tls/secure-socket.ts';
import { guardedSocket } from './guarded-socket.ts';
import { typeParsers } from './type-parsers.ts';

/** Where a client of pg connects to, and as whom. */
export interface ClientOptions {
  readonly connection: DatabaseConnection;
  readonly applicationName: string;
  /** Server settings of the session, sent with the login, so that they are what a reset goes back to; none behind a transaction pooler. */
  readonly sessionSettings: Readonly<Record<string, string>>;
}

// A peer that vanished is found by keepalive: 5 s, then 10 probes a second apart, as libuv has them.
const KEEP_ALIVE_DELAY_MS = 5000;

/** What pg is given: never a password of the environment, a socket of ours, and the settings of the session. */
export function clientConfig(
  options: ClientOptions,
  password: string,
  secure: SecureSocket | undefined,
): ClientConfig {
  const { connection, sessionSettings } = options;
  const settings = Object.entries(sessionSettings).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, String.raw`\$&`)}`,
  );
  return {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    user: connection.user,
    // pg asks the environment for a password that is missing or empty; a function is neither.
    password: () => password,
    // What it is given is encrypted already.
    ssl: false,
    enableChannelBinding: secure !== undefined,
    application_name: options.applicationName,
    ...(settings.length > 0 && { options: settings.join(' ') }),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    types: typeParsers(),
    stream: () => (secure === undefined ? guardedSocket() : connected(secure.socket)),
  };
}

/** pg connects what it is given, and waits to be told. */
function connected(socket: TLSSocket): TLSSocket {
  Reflect.set(socket, 'connect', () => {
    setImmediate(() => socket.emit('connect'));
    return socket;
  });
  return socket;
}
