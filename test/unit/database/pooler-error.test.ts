import { describe, expect, it } from 'vitest';
import { mapDatabaseError } from '#database/map-database-error.ts';

/** As pg hands over what PgBouncer says: without the fields of a server. */
const ofPooler = (message: string, severity = 'FATAL') =>
  Object.assign(new Error(message), { code: '08P01', severity });

describe('what a pooler says', () => {
  it.each([
    ['unsupported startup parameter: options', 'CONFIG_INVALID'],
    ['unsupported startup parameter in options: statement_timeout', 'CONFIG_INVALID'],
    ['transaction blocks not allowed in statement pooling mode', 'CONFIG_INVALID'],
    ['no more connections allowed (max_client_conn)', 'DB_TOO_MANY_CONNECTIONS'],
    ['client connections exceeded (max_db_client_connections)', 'DB_TOO_MANY_CONNECTIONS'],
    ['sorry, too many clients already', 'DB_TOO_MANY_CONNECTIONS'],
    ['too many connections for role "app"', 'DB_TOO_MANY_CONNECTIONS'],
    [
      'remaining connection slots are reserved for roles with the SUPERUSER attribute',
      'DB_TOO_MANY_CONNECTIONS',
    ],
    ['query_wait_timeout', 'DB_UNAVAILABLE'],
    ['server login has been failing, try again later (server_login_retry)', 'DB_UNAVAILABLE'],
    ['pgbouncer cannot connect to server', 'DB_UNAVAILABLE'],
    ['the database system is starting up', 'DB_UNAVAILABLE'],
    ['pooler is shutting down', 'DB_UNAVAILABLE'],
    ['server shutting down', 'DB_UNAVAILABLE'],
    ['client_login_timeout (server down)', 'DB_CONNECT_TIMEOUT'],
    ['no such database: shop', 'DB_NOT_FOUND'],
    ['database "shop" does not exist', 'DB_NOT_FOUND'],
    ['no such user', 'DB_AUTH_FAILED'],
    ['role "app" does not exist', 'DB_AUTH_FAILED'],
    ['SASL authentication failed', 'DB_AUTH_FAILED'],
    ['query timeout', 'DB_QUERY_TIMEOUT'],
    ['query_timeout', 'DB_QUERY_TIMEOUT'],
    ['idle transaction timeout', 'DB_CONNECTION_LOST'],
    ['server conn crashed?', 'DB_CONNECTION_LOST'],
    ['server lifetime over', 'DB_CONNECTION_LOST'],
    ['client_idle_timeout', 'DB_CONNECTION_LOST'],
    ['admin forced disconnect', 'DB_CONNECTION_LOST'],
    ['something that a later PgBouncer says', 'DB_CONNECTION_LOST'],
  ])('%s is %s', (message, code) => {
    const mapped = mapDatabaseError(ofPooler(message));

    expect(mapped).toMatchObject({ code, details: { sqlState: '08P01', isFatal: true } });
    expect(mapped?.message).toContain(message);
  });

  it('is not what a server says with the same SQLSTATE', () => {
    const ofServer = Object.assign(ofPooler('no more connections allowed', 'ERROR'), {
      routine: 'pq_getmsgend',
    });

    expect(mapDatabaseError(ofServer)).toMatchObject({ code: 'DB_QUERY_FAILED' });
  });
});
