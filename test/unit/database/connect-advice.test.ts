import { describe, expect, it } from 'vitest';
import { connectError } from '#database/connect-advice.ts';
import { DatabaseError } from '#database/database-error.ts';

const connection = {
  host: 'db.example.org',
  port: 5433,
  database: 'shop',
  user: 'clerk',
  password: { reveal: () => 'sup3r-s3cret' },
};
const system = (code: string, message = `connect ${code}`) =>
  Object.assign(new Error(message), { code });
const server = (code: string, message: string) =>
  Object.assign(new Error(message), { code, severity: 'FATAL' });

describe('a failed connect says where it went and what to check', () => {
  it.each([
    [system('ECONNREFUSED'), 'DB_CONNECT_REFUSED', 'is PostgreSQL running there'],
    [system('ETIMEDOUT'), 'DB_CONNECT_TIMEOUT', 'firewall'],
    [system('ENOTFOUND', 'getaddrinfo ENOTFOUND'), 'DB_HOST_NOT_FOUND', 'spelled right'],
    [system('EAI_AGAIN'), 'DB_HOST_NOT_FOUND', 'db.example.org'],
    [
      server('28P01', 'password authentication failed for user "clerk"'),
      'DB_AUTH_FAILED',
      'are user and password right',
    ],
    [
      new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: server signature is missing'),
      'DB_AUTH_FAILED',
      'clerk',
    ],
    [server('3D000', 'database "shop" does not exist'), 'DB_NOT_FOUND', 'no database shop'],
    [
      server('53300', 'sorry, too many clients already'),
      'DB_TOO_MANY_CONNECTIONS',
      'max_connections',
    ],
    [server('57P03', 'the database system is starting up'), 'DB_UNAVAILABLE', 'starting up'],
    [system('ECONNRESET', 'read ECONNRESET'), 'DB_CONNECTION_LOST', 'closed the connection'],
    [system('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), 'DB_TLS', 'no TLS with'],
    [new Error('The server does not support SSL connections'), 'DB_TLS', 'no TLS with'],
  ])('%s is %s', (error, code, advice) => {
    const mapped = connectError(error, connection);

    expect(mapped).toMatchObject({ code, details: { host: 'db.example.org', port: 5433 } });
    expect(mapped.message).toContain(advice);
    expect(`${mapped.message} ${mapped.stack} ${JSON.stringify(mapped)}`).not.toContain('sup3r');
  });

  it('when every address of a name refuses, the first one speaks for all', () => {
    const error = new AggregateError([system('ECONNREFUSED'), system('ECONNREFUSED')]);

    expect(connectError(error, connection).code).toBe('DB_CONNECT_REFUSED');
  });

  it('an unknown fault is none of ours to name', () => {
    expect(connectError(new Error('odd'), connection).code).toBe('DB_UNAVAILABLE');
    expect(connectError('odd', connection).code).toBe('DB_UNAVAILABLE');
  });

  it('what lies behind it is kept', () => {
    const odd = new Error('odd');
    const unreadable = new DatabaseError('DB_CONNECTION_LOST', 'unreadable', {}, { cause: odd });

    expect(connectError(odd, connection).cause).toBe(odd);
    expect(connectError(unreadable, connection).cause).toBe(odd);
    expect(connectError(system('ECONNREFUSED'), connection)).not.toHaveProperty('cause');
  });
});
