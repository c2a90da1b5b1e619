import { chmodSync, mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '#config/config-error.ts';
import { parseSettings } from '#config/parse-settings.ts';
import { TestAuthority, TestFiles } from '#test/support/certificates.ts';

const DATABASE_URL = 'postgres://u:p@h/db';
const files = new TestFiles();
/** The variables of a connection that shows a certificate and knows whom to trust. */
let sound: Readonly<Record<string, string>>;

beforeAll(async () => {
  const authority = await TestAuthority.create('known');
  const [own, other] = await Promise.all([
    authority.issue({ commonName: 'own' }),
    authority.issue({ commonName: 'other' }),
  ]);
  sound = {
    DATABASE_URL,
    DB_SSL_MODE: 'verify-full',
    DB_SSL_ROOT_CERT: files.write('root.crt', authority.pem),
    DB_SSL_CERT: files.write('own.crt', own.cert + authority.pem),
    DB_SSL_KEY: files.write('own.key', own.key),
  };
  files.write('other.key', other.key);
  files.write('empty', '');
  files.write('c4n4ry.txt', 'c4n4ry');
  files.write('half.crt', `${authority.pem}${own.cert.slice(0, 200)}`);
  files.write('locked.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nc4n4ry\n');
  mkdirSync(files.path('directory'));
  chmodSync(files.dir, 0o755);
});

afterAll(() => files[Symbol.dispose]());

const faultsOf = (env: Readonly<Record<string, string>>): readonly string[] => {
  try {
    parseSettings(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
};
const tlsOf = (env: Readonly<Record<string, string>>) =>
  parseSettings(env).settings.database.connection?.tls;

describe('TLS to the database', () => {
  it('is as the variables say, for every URL', () => {
    const env = { ...sound, MIGRATION_DATABASE_URL: 'postgres://m:p@h/db' };

    const { connection, migration } = parseSettings(env).settings.database;

    const tls = {
      mode: 'verify-full',
      rootCertFile: sound['DB_SSL_ROOT_CERT'],
      certFile: sound['DB_SSL_CERT'],
      keyFile: sound['DB_SSL_KEY'],
    };
    expect(connection?.tls).toEqual(tls);
    expect(migration?.tls).toEqual(tls);
  });

  it('is off unless it is asked for', () => {
    expect(tlsOf({ DATABASE_URL })).toBeUndefined();
    expect(tlsOf({ DATABASE_URL, DB_SSL_MODE: 'disable' })).toBeUndefined();
    expect(faultsOf({ DB_SSL_MODE: 'disable' })).toEqual([]);
  });

  it('may differ from URL to URL where the variables do not speak of it', () => {
    const env = {
      DATABASE_URL,
      DATABASE_REPLICA_URLS: `${DATABASE_URL}?sslmode=require,${DATABASE_URL}`,
    };

    const { connection, replicas } = parseSettings(env).settings.database;

    expect([connection, ...replicas].map((found) => found?.tls?.mode)).toEqual([
      undefined,
      'require',
      undefined,
    ]);
  });

  it.each([
    ['DB_SSL_ROOT_CERT', 'nowhere', 'names a file that does not exist'],
    ['DB_SSL_ROOT_CERT', 'empty', 'names an empty file'],
    ['DB_SSL_ROOT_CERT', 'directory', 'names a directory, not a file'],
    ['DB_SSL_ROOT_CERT', 'c4n4ry.txt', 'names a file that does not hold certificates in PEM'],
    ['DB_SSL_ROOT_CERT', 'half.crt', 'names a file that does not hold certificates in PEM'],
    ['DB_SSL_CERT', 'own.key', 'names a file that does not hold certificates in PEM'],
    ['DB_SSL_KEY', 'own.crt', 'names a file that does not hold a private key in PEM'],
    ['DB_SSL_KEY', 'other.key', 'names a file whose key is not that of the certificate'],
    [
      'DB_SSL_KEY',
      'locked.key',
      'names a file whose key is encrypted: it must hold one that needs no passphrase',
    ],
  ])('%s = %s is refused, whoever names it, without its path', (variable, name, fault) => {
    const env = { ...sound, [variable]: files.path(name) };
    const parameters = Object.entries({
      sslmode: env['DB_SSL_MODE'],
      sslrootcert: env['DB_SSL_ROOT_CERT'],
      sslcert: env['DB_SSL_CERT'],
      sslkey: env['DB_SSL_KEY'],
    }).map((pair) => pair.join('='));
    const parameter = variable.replaceAll(/DB|_/g, '').toLowerCase();

    expect(faultsOf(env)).toEqual([`${variable}: ${fault}`]);
    expect(faultsOf({ DATABASE_URL: `${DATABASE_URL}?${parameters.join('&')}` })).toEqual([
      `DATABASE_URL: ${parameter} ${fault}`,
    ]);
  });

  it.each([
    [{ DB_SSL_CERT: undefined }, ['DB_SSL_CERT: must be set when DB_SSL_KEY is']],
    [{ DB_SSL_KEY: undefined }, ['DB_SSL_KEY: must be set when DB_SSL_CERT is']],
    [
      { DB_SSL_MODE: 'require' },
      ['DB_SSL_ROOT_CERT: must be unset: no connection has a use for it, see DB_SSL_MODE'],
    ],
    [
      { DB_SSL_MODE: 'disable', DB_SSL_CERT: undefined, DB_SSL_KEY: undefined },
      ['DB_SSL_ROOT_CERT: must be unset: no connection has a use for it, see DB_SSL_MODE'],
    ],
    [
      { DB_SSL_MODE: 'verify_full' },
      ['DB_SSL_MODE: must be one of disable, require, verify-ca, verify-full'],
    ],
    [
      { DATABASE_URL: undefined, DB_SSL_CERT: undefined, DB_SSL_KEY: undefined },
      [
        'DB_SSL_MODE: must be unset when DATABASE_URL is',
        'DB_SSL_ROOT_CERT: must be unset when DATABASE_URL is',
      ],
    ],
    [
      { DATABASE_URL: `${DATABASE_URL}?sslmode=disable` },
      ['DATABASE_URL: sslmode must be that of DB_SSL_MODE, or absent'],
    ],
  ])('that is asked for by half, or in vain, is refused: %j', (changes, faults) => {
    const env = Object.entries({ ...sound, ...changes }).filter(([, value]) => value !== undefined);

    expect(faultsOf(Object.fromEntries(env) as Record<string, string>)).toEqual(faults);
  });

  it('by public authorities under any name is warned about', () => {
    const { warnings } = parseSettings({ DATABASE_URL, DB_SSL_MODE: 'verify-ca' });

    expect(warnings).toEqual([expect.stringContaining('DB_SSL_MODE should be verify-full')]);
    expect(parseSettings({ DATABASE_URL, DB_SSL_MODE: 'verify-full' }).warnings).toEqual([]);
  });
});
