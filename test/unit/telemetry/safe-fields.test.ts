import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from '#config/secret.ts';
import { safeFields } from '#telemetry/safe-fields.ts';
import { MAX_TEXT_BYTES } from '#telemetry/safe-text.ts';

const CANARY = 'canary-7f3a';

describe('fields of a log line', () => {
  it.each([
    'password',
    'PGPASSWORD',
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'token',
    'MANAGEMENT_TOKEN',
    'access_token',
    'secretKey',
    'clientSecret',
    'apiKey',
    'api_key',
    'private-key',
    'credentials',
  ])('hide what is named %s, at any depth', (name) => {
    const safe = safeFields({
      [name]: CANARY,
      headers: { [name]: [CANARY] },
      deep: { a: [{ b: { [name]: { inner: CANARY } } }] },
    });

    expect(JSON.stringify(safe)).not.toContain(CANARY);
    expect(safe[name]).toBe('[redacted]');
  });

  it('show a Secret and any other object of a class by its class name only', () => {
    class Client {
      secretKey = CANARY;
      connection = { user: CANARY };
    }

    const safe = safeFields({ value: new Secret(CANARY), client: new Client(), map: new Map() });

    expect(safe).toEqual({ value: '[Secret]', client: '[Client]', map: '[Map]' });
  });

  it('hide the credentials of URLs in texts', () => {
    const safe = safeFields({ url: `see postgresql://app:${CANARY}@db:5432/x?y=1 for it` });

    expect(safe['url']).toBe('see postgresql://[redacted]@db:5432/x?y=1 for it');
  });

  it.each(['x', 'é', '€', '😀'])('cut a text of many %s at 8 KB and say so', (character) => {
    const safe = safeFields({ text: character.repeat(20_000), short: character });

    const text = String(safe['text']);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_TEXT_BYTES);
    expect(Buffer.byteLength(text)).toBeGreaterThan(MAX_TEXT_BYTES - 100);
    expect(text).toMatch(/…\[\d+ characters cut\]$/);
    expect(text.isWellFormed()).toBe(true);
    expect(safe['short']).toBe(character);
  });

  it('bound what is deep, wide or circular', () => {
    const circular: Record<string, unknown> = {
      wide: Array.from({ length: 1e5 }, () => [1, 2, 3]),
    };
    circular['self'] = circular;

    const text = JSON.stringify(safeFields({ circular, again: circular }));

    expect(text.length).toBeLessThan(20_000);
    expect(text).toContain('[cut]');
  });

  it('take what JSON cannot', () => {
    const safe = safeFields({
      big: 10n,
      nan: Number.NaN,
      date: new Date(0),
      never: new Date(Number.NaN),
      bytes: Buffer.from(CANARY),
      call: () => CANARY,
      bare: Object.assign(Object.create(null), { a: 1 }),
      empty: null,
    });

    expect(safe).toEqual({
      big: '10',
      nan: 'NaN',
      date: '1970-01-01T00:00:00.000Z',
      never: 'invalid date',
      bytes: '[11 bytes]',
      call: undefined,
      bare: { a: 1 },
      empty: null,
    });
  });

  it('describe an error whose name is err, and nothing of what was thrown in place of one', () => {
    expect(safeFields({ err: new TypeError('x') })['err']).toMatchObject({ type: 'TypeError' });
    expect(safeFields({ err: { message: CANARY } })['err']).toEqual({ type: 'object' });
    expect(safeFields({ err: CANARY })['err']).toEqual({ type: 'string' });
  });

  it('survive getters and proxies that throw', () => {
    const fail = () => {
      throw new Error(CANARY);
    };
    const getter = Object.defineProperty({}, 'x', { get: fail, enumerable: true });
    const proxy = new Proxy({}, { ownKeys: fail });

    const safe = safeFields({ getter, proxy });

    expect(inspect(safe)).not.toContain(CANARY);
    expect(safe).toEqual({ getter: { unreadable: true }, proxy: { unreadable: true } });
  });
});
