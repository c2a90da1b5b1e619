import { describe, expect, it } from 'vitest';

import { parseDatabaseUrl } from '#config/parse-database-url.ts';

const read = (url: string) => {
  const parsed = parseDatabaseUrl(url);
  if ('faults' in parsed) return { faults: parsed.faults };
  const { password, ...rest } = parsed.connection;
  return { ...rest, password: password?.reveal() };
};
const plain = { host: 'h', port: 5432, database: 'db', user: 'u', password: 'p' };
const encode = { faults: [expect.stringContaining('written as %23 %25 %40 %2F')] };

describe('a database URL', () => {
  it.each([
    ['postgresql://u:p@h/db', plain],
    ['postgres://u:p@h/db', plain],
    ['POSTGRES://u:p@h/db', plain],
    ['postgres://u:p@h:5433/db', { ...plain, port: 5433 }],
    ['postgres://u@h/db', { ...plain, password: undefined }],
    ['postgres://u:@h/db', { ...plain, password: undefined }],
    ['postgres://u:p@h/db?sslmode=disable', plain],
    ['postgres://u:p@[::1]:1/db', { ...plain, host: '::1', port: 1 }],
    ['postgres://u:p@127.0.0.1:65535/db', { ...plain, host: '127.0.0.1', port: 65_535 }],
    ['postgres://u:a%23%25%40%2F%3F%3A%20b@h/db', { ...plain, password: 'a#%@/?: b' }],
    ['postgres://u:a:b@h/db', { ...plain, password: 'a:b' }],
    ['postgres://u:pä€@h/dä', { ...plain, password: 'pä€', database: 'dä' }],
    ['postgres://a%40b:p@h/d%2Fb', { ...plain, user: 'a@b', database: 'd/b' }],
    [
      'postgres://u:p@My-Host_1.example.com/Db',
      { ...plain, host: 'My-Host_1.example.com', database: 'Db' },
    ],
  ])('is read: %s', (url, expected) => {
    expect(read(url)).toEqual(expected);
  });

  it.each([
    'postgres://u:p#x@h/db',
    'postgres://u:5432#x@h/db',
    'postgres://u:p/x@h/db',
    'postgres://u:5432/x@h/db',
    'postgres://u:p?x@h/db',
    'postgres://u:p?x=1@h/db',
    'postgres://u:p@x@h/db',
    'postgres://u:p x@h/db',
    'postgres://u:p\\x@h/db',
    'postgres://u:p\n@h/db',
    'postgres://u:p\0@h/db',
    'postgres://u:p@h/db#x',
    'postgres://u:p@h/db?',
    'postgres://u:p@h/db ',
    'postgres://u:p@h:1:2/db',
    'postgres://u:p@[::1/db',
    'postgres://u:\uD800@h/db',
  ])('with a raw character that has a meaning is refused, never half read: %j', (url) => {
    expect(read(url)).toEqual(encode);
  });

  it.each([
    ['', 'must start with postgresql:// or postgres://'],
    ['h/db', 'must start with postgresql:// or postgres://'],
    ['mysql://u:p@h/db', 'must start with postgresql:// or postgres://'],
    ['http://u:p@h/db', 'must start with postgresql:// or postgres://'],
    ['postgres:u:p@h/db', 'must start with postgresql:// or postgres://'],
    [' postgres://u:p@h/db', 'must start with postgresql:// or postgres://'],
    ['"postgres://u:p@h/db"', 'must start with postgresql:// or postgres://'],
    ['postgres://h/db', 'must name a user'],
    ['postgres://:p@h/db', 'must name a user'],
    ['postgres://u:p@/db', 'must name a host'],
    ['postgres://u:p@:5432/db', 'must name a host'],
    ['postgres://u:p@%2Ftmp/db', 'must name a host: unix sockets are not supported'],
    ['postgres://u:p@h1,h2/db', 'must name one host'],
    ['postgres://u:p@höst/db', 'must name a host by ASCII name, IPv4 address or [IPv6 address]'],
    ['postgres://u:p@[h]/db', 'must name a host by ASCII name, IPv4 address or [IPv6 address]'],
    ['postgres://u:p@[]/db', 'must name a host'],
    ['postgres://u:p@h', 'must name a database'],
    ['postgres://u:p@h/', 'must name a database'],
    ['postgres://u:p@h?sslmode=disable', 'must name a database'],
    ['postgres://u:p@h/a/b', 'must have / in the database name written as %2F'],
    ['postgres://u:p@h/a%00b', 'must name a database without control characters'],
    [`postgres://u:p@h/${'d'.repeat(64)}`, 'must name a database of at most 63 bytes'],
    ['postgres://u:p%zz@h/db', 'must hold a password whose % are written as %25'],
    ['postgres://u:p%00@h/db', 'must hold a password without a NUL character'],
    ['postgres://u%:p@h/db', 'must have % in the user written as %25'],
    ['postgres://u:p@h:/db', 'must have a port from 1 to 65535, or none'],
    ['postgres://u:p@h:0/db', 'must have a port from 1 to 65535, or none'],
    ['postgres://u:p@h:65536/db', 'must have a port from 1 to 65535, or none'],
    ['postgres://u:p@h:5e3/db', 'must have a port from 1 to 65535, or none'],
    ['postgres://u:p@h:-1/db', 'must have a port from 1 to 65535, or none'],
  ])('is refused: %j', (url, fault) => {
    expect(read(url)).toEqual({ faults: [fault] });
  });

  it.each(['require', 'verify-ca', 'verify-full'])('asks for TLS: sslmode=%s', (mode) => {
    expect(read(`postgres://u:p@h/db?sslmode=${mode}`)).toEqual({ ...plain, tls: { mode } });
  });

  it('names files, decoded', () => {
    const files = 'sslrootcert=/a%20b/x=root.crt&sslcert=%2Fc&sslkey=k%C3%A4';

    expect(read(`postgres://u:p@h/db?${files}&sslmode=verify-full`)).toEqual({
      ...plain,
      tls: { mode: 'verify-full', rootCertFile: '/a b/x=root.crt', certFile: '/c', keyFile: 'kä' },
    });
  });

  it.each(['prefer', 'allow', 'no-verify', 'DISABLE', 'verify_full', '', 'x'])(
    'that asks for sslmode=%s is refused',
    (mode) => {
      expect(read(`postgres://u:p@h/db?sslmode=${mode}`)).toEqual({
        faults: ['sslmode must be one of disable, require, verify-ca, verify-full'],
      });
    },
  );

  it.each([
    ['sslmode=disable&sslmode=require', 'must have sslmode once'],
    ['sslmode=require&sslmode=require', 'must have sslmode once'],
    ['sslrootcert=x', 'has sslrootcert, for which sslmode=disable has no use'],
    ['sslmode=require&sslrootcert=x', 'has sslrootcert, for which sslmode=require has no use'],
    ['sslmode=disable&sslcert=x&sslkey=x', 'has sslcert, for which sslmode=disable has no use'],
    ['sslmode=require&sslcert=x', 'must have sslcert and sslkey, or neither'],
    ['sslmode=require&sslkey=x', 'must have sslcert and sslkey, or neither'],
    ['sslmode=verify-ca&sslrootcert=', 'must have the path of a file as sslrootcert'],
    ['sslmode=verify-ca&sslrootcert=%zz', 'must have the path of a file as sslrootcert'],
    ['sslmode=verify-ca&sslrootcert=a%00b', 'must have the path of a file as sslrootcert'],
  ])('that says of TLS what makes no sense is refused: %s', (query, fault) => {
    expect(read(`postgres://u:p@h/db?${query}`)).toEqual({
      faults: expect.arrayContaining([expect.stringContaining(fault)]),
    });
  });

  it('S3: cannot weaken, or strengthen, what the variables say', () => {
    const variables = { mode: 'verify-full', rootCertFile: '/root' } as const;
    const parse = (query: string) => parseDatabaseUrl(`postgres://u@h/db${query}`, variables);

    expect(parse('')).toMatchObject({ connection: { tls: variables } });
    expect(parse('?sslmode=verify-full')).toMatchObject({ connection: { tls: variables } });
    expect(parse('?sslmode=verify-full&sslrootcert=%2Froot')).toHaveProperty('connection');
    expect(parse('?sslmode=disable')).toEqual({
      faults: ['sslmode must be that of DB_SSL_MODE, or absent'],
    });
    expect(parse('?sslmode=verify-ca&sslrootcert=/other')).toEqual({
      faults: [
        'sslmode must be that of DB_SSL_MODE, or absent',
        'sslrootcert must be that of DB_SSL_ROOT_CERT, or absent',
      ],
    });
  });

  it.each([
    'host=/tmp',
    'ssl=true',
    'options=-csearch_path%3Dx',
    'SSLMODE=require',
    'ssl%6Dode=require',
    'sslmode',
    '=x',
    '&&x',
  ])('with the parameter %s is refused', (parameter) => {
    expect(read(`postgres://u:p@h/db?${parameter}`)).toEqual({
      faults: [expect.stringContaining('not supported: only sslmode, sslrootcert')],
    });
  });

  it('names every parameter that it refuses, never its value', () => {
    const only = 'only sslmode, sslrootcert, sslcert, sslkey with a value are';

    expect(read('postgres://u:p@h/db?host=c4n4ry&ssl=c4n4ry&c4n4ry%20=1')).toEqual({
      faults: [
        `has the parameter host that is not supported: ${only}`,
        `has the parameter ssl that is not supported: ${only}`,
        `has a parameter that is not supported: ${only}`,
      ],
    });
  });

  it('tells all its faults at once', () => {
    expect(read('postgres://:p@h:0/?ssl=1')).toHaveProperty('faults.length', 4);
  });
});
