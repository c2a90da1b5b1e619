import { describe, expect, it } from 'vitest';

import { parseSettings } from '#config/parse-settings.ts';

import { faultsOf } from './faults-of.ts';

const warningsOf = (env: Record<string, string>) => parseSettings(env).warnings;

describe('a variable that no setting reads', () => {
  it.each([
    ['DB_POOLSIZE', 'DB_POOL_SIZE'],
    ['db_pool_size', 'DB_POOL_SIZE'],
    ['DB_MAX_POOL_SIZE', 'DB_POOL_SIZE'],
    ['DB_ACQUIRE_TIMEOUT', 'DB_ACQUIRE_TIMEOUT_MS'],
    ['DATABASE_PASSWORD', 'DATABASE_PASSWORD_FILE'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['HTTP_BODYLIMIT', 'HTTP_BODY_LIMIT'],
    ['LOG_LEVLE', 'LOG_LEVEL'],
    ['SHUTDOWN_GRACE', 'SHUTDOWN_GRACE_MS'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['MANAGMENT_TOKEN', 'MANAGEMENT_TOKEN'],
  ])('%s is taken for a misspelt %s', (variable, meant) => {
    expect(warningsOf({ [variable]: 'c4n4ry' })).toEqual([
      `${variable} is not a setting of this version; did you mean ${meant}?`,
    ]);
  });

  it.each(['DB_HOST', 'DB_SLOW_QUERIES', 'REPORTING_POOL_SIZE', 'MANAGEMENT_USER', 'DB_PORT'])(
    '%s is told not to be a setting of this version',
    (variable) => {
      expect(warningsOf({ [variable]: '1' })).toEqual([
        expect.stringMatching(`^${variable} is not a setting of this version`),
      ]);
    },
  );

  it.each([
    'PATH',
    'HOSTNAME',
    'POST',
    'HTTP_PROXY',
    'http_proxy',
    'OTEL_SERVICE_NAME',
    'TEST_POSTGRES',
    'TEST_DATABASE_URL',
    'DB_SERVICE_HOST',
    'DB_SERVICE_PORT_POSTGRES',
    'DB_PORT_5432_TCP_ADDR',
    'PGDATA',
    'DB_\n\u001b[31m',
  ])('%j is left alone', (variable) => {
    expect(warningsOf({ [variable]: 'x' })).toEqual([]);
  });

  it('is left alone when it is the link of a service called db', () => {
    expect(warningsOf({ DB_PORT: 'tcp://10.0.0.1:5432' })).toEqual([]);
  });

  it.each(['PGHOST', 'PGPASSWORD', 'PGSSLMODE', 'PGOPTIONS', 'PGSERVICE'])(
    '%s is ignored with a warning',
    (variable) => {
      expect(warningsOf({ [variable]: 'c4n4ry' })).toEqual([
        `${variable} is ignored: DATABASE_URL alone says which database is used`,
      ]);
    },
  );

  it.each(['DB_SSL_ROOTCERT', 'DB_SSL', 'DB_SSLMODE', 'DATABASE_SSL', 'db_tls'])(
    '%s asks for TLS by a name that nobody reads, and is refused',
    (variable) => {
      expect(faultsOf(() => parseSettings({ [variable]: 'c4n4ry' }))).toEqual([
        `${variable}: must be unset: what asks for TLS is DB_SSL_MODE, DB_SSL_ROOT_CERT, DB_SSL_CERT and DB_SSL_KEY`,
      ]);
      expect(faultsOf(() => parseSettings({ [variable]: '' }))).toEqual([]);
    },
  );
});
