import { describe, expect, it } from 'vitest';

import { parseTestDatabaseUrl } from '#config/parse-test-database-url.ts';

import { faultsOf } from './faults-of.ts';

const URL_OF_TESTS = 'postgres://u:p@localhost/tidegauge_test';

describe('the database of the tests', () => {
  it.each([
    [{}, 'embedded'],
    [{ TEST_POSTGRES: '', TEST_DATABASE_URL: '' }, 'embedded'],
    [{ TEST_POSTGRES: 'embedded', TEST_DATABASE_URL: URL_OF_TESTS }, 'embedded'],
    [{ TEST_POSTGRES: 'testcontainers' }, 'testcontainers'],
    [{ TEST_DATABASE_URL: URL_OF_TESTS }, 'url'],
    [{ TEST_POSTGRES: 'url', TEST_DATABASE_URL: URL_OF_TESTS }, 'url'],
  ])('of %j is %s', (env, server) => {
    expect(parseTestDatabaseUrl(env)).toHaveProperty('server', server);
  });

  it('is the one of TEST_DATABASE_URL', () => {
    expect(parseTestDatabaseUrl({ TEST_DATABASE_URL: URL_OF_TESTS })).toMatchObject({
      connection: { host: 'localhost', port: 5432, user: 'u', database: 'tidegauge_test' },
    });
  });

  it.each([
    [{ TEST_POSTGRES: 'docker' }, 'TEST_POSTGRES: must be one of embedded, testcontainers, url'],
    [{ TEST_POSTGRES: 'url' }, 'TEST_DATABASE_URL: must be set when TEST_POSTGRES is url'],
    [
      { TEST_DATABASE_URL: 'postgres://u@h/app' },
      'TEST_DATABASE_URL: must name a database that ends in _test',
    ],
    [
      { TEST_DATABASE_URL: 'postgres://u@h/app_TEST' },
      'TEST_DATABASE_URL: must name a database that ends in _test',
    ],
    [{ TEST_DATABASE_URL: 'postgres://u:c4n4ry@/x_test' }, 'TEST_DATABASE_URL: must name a host'],
    [
      { TEST_DATABASE_URL: URL_OF_TESTS, DATABASE_URL: 'c4n4ry' },
      'DATABASE_URL: must be valid or unset, so that the tests can tell it from theirs',
    ],
    [
      { TEST_DATABASE_URL: URL_OF_TESTS, DATABASE_URL_FILE: '/c4n4ry' },
      'DATABASE_URL: must be valid or unset, so that the tests can tell it from theirs',
    ],
  ])('is refused for %j', (env, fault) => {
    expect(faultsOf(() => parseTestDatabaseUrl(env))).toEqual([fault]);
  });

  it.each([
    ['localhost', 'localhost'],
    ['localhost', 'LOCALHOST:5432'],
    ['localhost', '127.0.0.1'],
    ['127.0.0.1', '[::1]'],
    ['localhost', '127.1'],
    ['localhost', '127.0.0.2'],
    ['localhost', '0x7f.0.0.1'],
    ['localhost', '2130706433'],
    ['localhost', '0.0.0.0'],
    ['localhost', '[::ffff:127.0.0.1]'],
    ['localhost', '[0:0:0:0:0:0:0:1]'],
    ['localhost', 'localhost.localdomain'],
    ['db.example.com', 'DB.Example.COM'],
    ['10.0.0.1:5432', '10.0.0.1'],
    ['[2001:db8::1]', '[2001:DB8:0::1]'],
  ])('is never the main one by another spelling: %s and %s', (main, test) => {
    const faults = faultsOf(() =>
      parseTestDatabaseUrl({
        DATABASE_URL: `postgres://owner:x@${main}/app_test`,
        TEST_DATABASE_URL: `postgresql://tester@${test}/app_test`,
      }),
    );

    expect(faults).toEqual(['TEST_DATABASE_URL: must not be the database of DATABASE_URL']);
  });

  it.each([
    ['localhost/app_test', 'localhost:5433/app_test'],
    ['localhost/app', 'localhost/app_test'],
    ['db1/app_test', 'db2/app_test'],
  ])('may stand beside the main one: %s and %s', (main, test) => {
    const database = parseTestDatabaseUrl({
      DATABASE_URL: `postgres://u@${main}`,
      TEST_DATABASE_URL: `postgres://u@${test}`,
    });

    expect(database.server).toBe('url');
  });
});
