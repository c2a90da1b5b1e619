import { DatabaseError } from './database-error.ts';
import type { DatabaseErrorCode } from './database-error.ts';
import type { DatabaseConnection } from './database-options.ts';
import { asDatabaseError } from './map-database-error.ts';

type Advice = (place: string, connection: DatabaseConnection, reason: string) => string;

const ADVICE: Partial<Record<DatabaseErrorCode, Advice>> = {
  CONFIG_INVALID: (place, _connection, reason) =>
    `${place} is a pooler, which keeps no settings of a session (${reason}): set DB_POOLER=pgbouncer where DATABASE_URL leads to it, and let every other URL lead to the server itself`,
  DB_CONNECT_REFUSED: (place) =>
    `${place} refused the connection: is PostgreSQL running there, is DATABASE_URL right?`,
  DB_CONNECT_TIMEOUT: (place, _connection, reason) =>
    `${place} did not answer in time (${reason}): is a firewall or a proxy in between, is the server overloaded?`,
  DB_HOST_NOT_FOUND: (_place, { host }) =>
    `the host name ${host} is not known: is it spelled right in DATABASE_URL?`,
  DB_AUTH_FAILED: (place, { user }, reason) =>
    `${place} refused the login of ${user} (${reason}): are user and password right?`,
  DB_NOT_FOUND: (place, { database }) =>
    `there is no database ${database} at ${place}: create it, or mend DATABASE_URL`,
  DB_TLS: (place, _connection, reason) => `no TLS with ${place}: ${reason}`,
  DB_TOO_MANY_CONNECTIONS: (place, _connection, reason) =>
    `${place} has no free connection slot (${reason}): see max_connections, and DB_POOL_SIZE and DB_MAX_OVERFLOW of all instances`,
  DB_READ_ONLY: (place) =>
    `${place} is a standby and accepts no writes: has it not been promoted yet, does the name lead to the primary?`,
  DB_UNAVAILABLE: (place, _connection, reason) => `${place} does not serve now (${reason})`,
  DB_CONNECTION_LOST: (place, _connection, reason) =>
    `${place} closed the connection during the login (${reason})`,
};

/** Says of a failed attempt where it went and what to check. The result never holds a password. */
export function connectError(error: unknown, connection: DatabaseConnection): DatabaseError {
  const mapped = asDatabaseError(error, 'an unknown fault');
  const place = `${connection.host}:${connection.port}`;
  // What came from here, not from there: a password that could not be read, a setting that was read back.
  const isOwn =
    error instanceof DatabaseError &&
    (error.code === 'DB_AUTH_FAILED' || error.code === 'CONFIG_INVALID');
  const advice = isOwn ? undefined : ADVICE[mapped.code];
  const message = advice?.(place, connection, mapped.message) ?? mapped.message;
  return new DatabaseError(
    mapped.code,
    message,
    { ...mapped.details, host: connection.host, port: connection.port },
    mapped.cause === undefined ? undefined : { cause: mapped.cause },
  );
}
