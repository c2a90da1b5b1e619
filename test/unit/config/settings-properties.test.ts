import { format } from 'node:util';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ConfigError } from '#config/config-error.ts';
import { environmentSchema } from '#config/environment-schema.ts';
import { formatConfigError } from '#config/format-config-error.ts';
import { parseDatabaseUrl } from '#config/parse-database-url.ts';
import { parseSettings } from '#config/parse-settings.ts';
import { parseTestDatabaseUrl } from '#config/parse-test-database-url.ts';
import { redactSettings } from '#config/redact-settings.ts';
import type { Settings } from '#config/settings.ts';
import { testVariables } from '#config/test-variables.ts';

import { faultsOf } from './faults-of.ts';
import { NUMBERS } from './numbers.ts';

const CANARY = 'c4n4ry';
const VARIABLES = Object.keys(environmentSchema.shape);
const text = fc.string({ unit: 'binary', maxLength: 40 });
const marked = fc.tuple(text, text).map(([before, after]) => `${before}${CANARY}${after}`);
const markedUrl = fc
  .tuple(
    fc.constantFrom('postgres://', 'postgresql://', 'postgresql:/', 'http://', ''),
    fc.constantFrom('', '@', ':', 'u:p@', `u:${CANARY}@`, `u:#${CANARY}@`, `${CANARY}:%${CANARY}@`),
    fc.constantFrom('h', '', `${CANARY}.example`, '[::1]', `[${CANARY}]`, 'h,i', '%2Ftmp'),
    fc.constantFrom('', ':5432', ':0', `:${CANARY}`, ':99999'),
    fc.constantFrom('/db', '', `/${CANARY}`, `/${CANARY}/${CANARY}`, '/%00'),
    fc.constantFrom(
      '',
      '?',
      '?sslmode=disable',
      `?sslmode=${CANARY}`,
      `?host=${CANARY}&ssl=1`,
      `#${CANARY}`,
    ),
  )
  .map((parts) => parts.join(''));
const plausible = fc.constantFrom(
  '0',
  '1',
  '5',
  '1000',
  '86400000',
  'true',
  'false',
  'json',
  'production',
  'test',
  '100kb',
  'https://a.example',
);
const value = fc.oneof(text, marked, markedUrl, plausible);
const environment = fc
  .record(Object.fromEntries(VARIABLES.map((name) => [name, value])), { requiredKeys: [] })
  .chain((env) =>
    fc
      .subarray(Object.keys(env))
      .map((kept) => Object.fromEntries(kept.map((key) => [key, env[key]]))),
  );

/** All that a program could print of an error. */
function printed(error: ConfigError): string {
  return [
    format('%o %O %s', error, error, error),
    error.stack,
    JSON.stringify(error),
    formatConfigError(error),
    format('%O', error.cause),
  ].join('\n');
}

function settingsOrError(call: () => Settings): Settings | ConfigError {
  try {
    return call();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

function numbersOf(settings: Settings): number[] {
  return [settings.http, settings.database, settings.shutdown]
    .flatMap((group): unknown[] => Object.values(group))
    .filter((entry) => typeof entry === 'number');
}

function isRule(fault: string): boolean {
  if (fault === 'MANAGEMENT_PORT: must not be the port of the API') return true;
  return /^[A-Z_]+: must (be smaller|not be larger) than [A-Z_]+(, [A-Z_]+ added while [A-Z_]+ is true)? \(/.test(
    fault,
  );
}

function isOrdered({ http, database }: Settings): boolean {
  return (
    database.connectTimeoutMs + (database.prePing ? database.prePingTimeoutMs : 0) <
      database.acquireTimeoutMs &&
    database.acquireTimeoutMs < http.requestTimeoutMs &&
    database.statementTimeoutMs < http.requestTimeoutMs &&
    database.idleTimeoutMs < database.maxLifetimeMs &&
    http.headersTimeoutMs <= http.receiveTimeoutMs
  );
}

describe('any environment', () => {
  it('makes settings within bounds, or a ConfigError that holds no value', () => {
    fc.assert(
      fc.property(environment, fc.boolean(), (env, isTerminal) => {
        const result = settingsOrError(() => parseSettings(env, { isTerminal }).settings);

        const isSound =
          result instanceof ConfigError
            ? result.faults.length > 0 && !printed(result).includes(CANARY)
            : numbersOf(result).every(
                (entry) => Number.isInteger(entry) && entry >= 0 && entry < 2 ** 31,
              );
        expect(isSound).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('of foreign variables makes settings, and warnings without a value', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((tail) => `DB_${tail}`),
      fc.constantFrom('PGPASSWORD', 'DATABASE_PASSWORD', 'MANAGEMENT_TOKENS', '__proto__'),
    );

    fc.assert(
      fc.property(fc.dictionary(names, marked), (env) => {
        const faults = faultsOf(() => {
          const { warnings } = parseSettings(env);
          expect(warnings.join('\n')).not.toContain(CANARY);
        });

        expect(faults.filter((fault) => !/^(DB|DATABASE)_(SSL|TLS)/i.test(fault))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('has as many faults as variables that are wrong by themselves', () => {
    const wrong = VARIABLES.filter((name) => !/_(URLS?|TOKEN|FILE|CERT|KEY)$/.test(name));

    fc.assert(
      fc.property(fc.subarray(wrong), (names) => {
        const faults = faultsOf(() =>
          parseSettings(Object.fromEntries(names.map((name) => [name, `\u0000${CANARY}`]))),
        );

        expect(faults.map((fault) => fault.split(':')[0])).toEqual(names);
      }),
    );
  });

  it('of numbers within their bounds makes settings, or breaks rules between them', () => {
    const numbers = fc.record(
      Object.fromEntries(
        NUMBERS.map(({ name, ...bounds }) => [name, fc.integer(bounds).map(String)]),
      ),
      { requiredKeys: [] },
    );

    fc.assert(
      fc.property(numbers, (env) => {
        const result = settingsOrError(() => parseSettings(env).settings);

        expect(
          result instanceof ConfigError ? result.faults.every(isRule) : isOrdered(result),
        ).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('makes a test database, or a ConfigError that holds no value', () => {
    const variables = [...Object.keys(testVariables), 'DATABASE_URL', 'DATABASE_URL_FILE'];
    const env = fc.record(Object.fromEntries(variables.map((name) => [name, value])), {
      requiredKeys: [],
    });

    fc.assert(
      fc.property(env, (given) => {
        const faults = faultsOf(() => parseTestDatabaseUrl(given));

        expect(faults.join('\n')).not.toContain(CANARY);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('any user, password and database', () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((candidate) => !/\p{Cc}/u.test(candidate) && Buffer.byteLength(candidate) <= 63);
  const password = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((candidate) => candidate.isWellFormed() && !candidate.includes('\0'));

  it('that is percent-encoded is read back as it was', () => {
    fc.assert(
      fc.property(name, password, name, fc.integer({ min: 1, max: 65_535 }), (...parts) => {
        const [user, secret, database, port] = parts;
        const encoded = [user, secret, database].map(encodeURIComponent);

        const parsed = parseDatabaseUrl(
          `postgresql://${encoded[0]}:${encoded[1]}@h.example:${port}/${encoded[2]}`,
        );

        expect(parsed).toMatchObject({ connection: { user, database, port, host: 'h.example' } });
        expect('connection' in parsed && parsed.connection.password?.reveal()).toBe(secret);
      }),
      { numRuns: 1000 },
    );
  });

  it('that is not encoded is read as it is, or refused: never half of it', () => {
    fc.assert(
      fc.property(name, password, name, (user, secret, database) => {
        const parsed = parseDatabaseUrl(`postgresql://${user}:${secret}@h/${database}`);

        const pieces =
          'connection' in parsed
            ? [
                parsed.connection.user,
                parsed.connection.password?.reveal(),
                parsed.connection.database,
              ]
            : [];
        const expected = [`${user}:${secret}`, database].map(decodedOrSame);
        expect(pieces.length === 0 || [`${pieces[0]}:${pieces[1]}`, pieces[2]]).toEqual(
          pieces.length === 0 || expected,
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('is never shown with its secrets', () => {
    const token = fc
      .stringMatching(/^[A-Za-z0-9._~+/=-]{16,64}$/)
      .map((tail) => `${CANARY}${tail}`);

    fc.assert(
      fc.property(token, password, (MANAGEMENT_TOKEN, secret) => {
        const DATABASE_URL = `postgres://u:${CANARY}${encodeURIComponent(secret)}@h/db`;

        const { settings } = parseSettings({ MANAGEMENT_TOKEN, DATABASE_URL });

        expect(JSON.stringify([settings, redactSettings(settings)])).not.toContain(CANARY);
        expect(format('%o %O', settings, settings)).not.toContain(CANARY);
      }),
    );
  });
});

function decodedOrSame(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
