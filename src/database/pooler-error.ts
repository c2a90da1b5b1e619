import type { DatabaseErrorCode } from './database-error.ts';

// What PgBouncer says, in its own name or in that of a server that it could not log in to, always with 08P01 and without
// the fields in which a server says where it found the fault: src/{client,janitor,objects,server}.c of 1.18 to 1.25.
const BY_TEXT: readonly (readonly [RegExp, DatabaseErrorCode])[] = [
  [/^unsupported (options )?startup parameter/, 'CONFIG_INVALID'],
  [/^transaction blocks not allowed in statement pooling mode/, 'CONFIG_INVALID'],
  [/^no more connections allowed|^client connections exceeded/, 'DB_TOO_MANY_CONNECTIONS'],
  [/too many (clients|connections)|connection slots are reserved/, 'DB_TOO_MANY_CONNECTIONS'],
  [/^query[_ ]timeout/, 'DB_QUERY_TIMEOUT'],
  [/^client_login_timeout/, 'DB_CONNECT_TIMEOUT'],
  [/^no such database|database .* (is disabled|does not exist)/, 'DB_NOT_FOUND'],
  [/no such user|role .* does not exist|authentication failed|login rejected/, 'DB_AUTH_FAILED'],
  // The first: the server is away, or every connection that PgBouncer may have to it was in use for all that time.
  [/^query_wait_timeout|server_login_retry|^pgbouncer cannot connect/, 'DB_UNAVAILABLE'],
  [/^(cannot connect|connect (failed|timeout)|(server )?login failed)/, 'DB_UNAVAILABLE'],
  [/database system is|DNS lookup failed|shutting down|^pause|^suspend/, 'DB_UNAVAILABLE'],
  [/^bouncer (config error|resources exhaustion)/, 'DB_UNAVAILABLE'],
];

/** The code of an error that a pooler has made itself. Whatever it says beside these, it ends the connection with it. */
export function poolerErrorCode(message: string): DatabaseErrorCode {
  return BY_TEXT.find(([pattern]) => pattern.test(message))?.[1] ?? 'DB_CONNECTION_LOST';
}
