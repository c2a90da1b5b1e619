import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectionFromUrl } from '#database/connection-from-url.ts';
import { parseDatabaseUrl } from '#config/parse-database-url.ts';

describe('a database URL', () => {
  it('is taken apart, its parts decoded', () => {
    const connection = connectionFromUrl(
      'postgresql://us%40er:p%23ss@[::1]:6543/my%20db?sslmode=disable',
    );

    expect(connection).toMatchObject({ host: '::1', port: 6543, user: 'us@er', database: 'my db' });
    expect(connection.password?.reveal()).toBe('p#ss');
  });

  it('without a password has none, and without a port has PostgreSQL’s', () => {
    expect(connectionFromUrl('postgres://ada@localhost/x')).toMatchObject({
      port: 5432,
      password: undefined,
    });
  });

  it('asks for TLS as DATABASE_URL does', () => {
    expect(connectionFromUrl('postgres://ada@localhost/x?sslmode=verify-full')).toMatchObject({
      tls: { mode: 'verify-full' },
    });
  });

  it.each([
    'mysql://a:canary@h/db',
    'postgresql://a:canary@h/',
    'postgresql:///db?host=canary',
    'canary',
    'postgresql://a:canary@h:99999/db',
    'postgresql://a:canary@h/db?sslmode=no-verify',
    'postgresql://a:canary@h/db?application_name=x',
    'postgresql://a:canary@h/db?',
  ])('that cannot be used is refused without being quoted: %#', (url) => {
    expect(() => connectionFromUrl(url)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
    expect(() => connectionFromUrl(url)).not.toThrow(/canary/);
  });

  it('means the same to the settings and to a manager that is given a URL alone', () => {
    const part = fc
      .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
      .map(encodeURIComponent);

    fc.assert(
      fc.property(
        part,
        part,
        part,
        fc.integer({ min: 1, max: 65_535 }),
        (user, password, database, port) => {
          const url = `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`;
          const parsed = parseDatabaseUrl(url);
          fc.pre('connection' in parsed);

          const { password: secret, ...rest } = connectionFromUrl(url);

          expect(parsed).toMatchObject({ connection: rest });
          expect(secret?.reveal()).toBe(
            'connection' in parsed ? parsed.connection.password?.reveal() : undefined,
          );
        },
      ),
    );
  });
});
