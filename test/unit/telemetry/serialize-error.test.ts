import { readFileSync } from 'node:fs';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { DatabaseError as PostgresError } from 'pg';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '#config/config-error.ts';
import { DatabaseError } from '#database/database-error.ts';
import { serializeError } from '#telemetry/serialize-error.ts';

const CANARY = 'ada@canary.example';

/** As the server sends it at `log_error_verbosity=default`, with values in every free text. */
function postgresError(): Error {
  const error = new PostgresError(
    `duplicate key value violates unique constraint: ${CANARY}\n    at x (/tmp/${CANARY}:1:1)`,
    100,
    'error',
  );
  return Object.assign(error, {
    code: '23505',
    severity: 'ERROR',
    detail: `Key (email)=(${CANARY}) already exists.`,
    hint: CANARY,
    where: `COPY users, line 1: "${CANARY}"`,
    internalQuery: CANARY,
    query: `insert into users values ('${CANARY}')`,
    parameters: [CANARY],
    dataType: CANARY,
    client: { secretKey: CANARY },
    constraint: 'users_email_unique',
    table: 'users',
  });
}

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('what is logged of an error', () => {
  it('of pg is its class, SQLSTATE, names of the schema and frames, never a text', () => {
    const serialized = serializeError(postgresError());

    expect(serialized).toEqual({
      type: 'DatabaseError',
      sqlState: '23505',
      constraint: 'users_email_unique',
      table: 'users',
      stack: expect.stringContaining('serialize-error.test.ts'),
    });
    expect(JSON.stringify(serialized)).not.toContain(CANARY);
  });

  it('of MikroORM is the same, though its message and stack hold those of pg', () => {
    const error = new UniqueConstraintViolationException(postgresError());

    const serialized = serializeError(error);

    expect(error.message).toContain(CANARY);
    expect(error.stack).toContain(CANARY);
    expect(serialized).toMatchObject({
      type: 'UniqueConstraintViolationException',
      sqlState: '23505',
    });
    expect(JSON.stringify(serialized)).not.toContain(CANARY);
  });

  it('of ours is its code, message and details, with the cause under the same rules', () => {
    const error = new DatabaseError(
      'DB_UNIQUE',
      'a row with this value exists',
      { sqlState: '23505', waitedMs: 12, password: CANARY, holder: { name: CANARY } },
      { cause: postgresError() },
    );

    const serialized = serializeError(error);

    expect(serialized).toMatchObject({
      type: 'DatabaseError',
      code: 'DB_UNIQUE',
      message: 'a row with this value exists',
      details: { sqlState: '23505', waitedMs: 12, password: '[redacted]' },
      cause: { type: 'DatabaseError', sqlState: '23505' },
    });
    expect(JSON.stringify(serialized)).not.toContain(CANARY);
  });

  it('of wrong settings is every fault', () => {
    expect(serializeError(new ConfigError(['PORT: a number from 0 to 65535']))).toMatchObject({
      type: 'ConfigError',
      code: 'CONFIG_INVALID',
      message: 'invalid settings: PORT: a number from 0 to 65535',
    });
  });

  it('of the system is its message', () => {
    const error = thrownBy(() => readFileSync('/nowhere/at/all'));

    expect(serializeError(error)).toMatchObject({
      type: 'Error',
      code: 'ENOENT',
      message: expect.stringContaining('/nowhere/at/all'),
    });
  });

  it('with an errno as long as an SQLSTATE is taken for what it is', () => {
    const error = Object.assign(new Error('write EPIPE'), {
      code: 'EPIPE',
      errno: -32,
      syscall: 'write',
    });

    expect(serializeError(error)).toMatchObject({ code: 'EPIPE', message: 'write EPIPE' });
  });

  it('of a stranger is its class and frames', () => {
    class LibraryError extends Error {
      override name = 'LibraryError';
    }

    const serialized = serializeError(new LibraryError(`cannot take ${CANARY}`));

    expect(serialized).toEqual({ type: 'LibraryError', stack: expect.any(String) });
  });

  it('of a bug of ours is its message', () => {
    expect(serializeError(new Error('bug: no such state')).message).toBe('bug: no such state');
    expect(serializeError(new Error('no such state'))).not.toHaveProperty('message');
  });

  it.each<[string, () => unknown]>([
    ['a property of a text', () => Object.assign(CANARY as unknown as object, { length: 1 })],
    ['a property of a text', () => ((CANARY as unknown as { x: number }).x = 1)],
    ['in a text', () => 'x' in (CANARY as unknown as object)],
    ['an entry of a map', () => new Map([CANARY] as unknown as [string, string][])],
    ['a JSON text', () => JSON.parse(CANARY)],
    ['a wrong argument', () => Buffer.from(1 as unknown as string, CANARY as BufferEncoding)],
    ['a wrong path', () => readFileSync({ [CANARY]: CANARY } as unknown as string)],
    ['a time zone', () => new Intl.DateTimeFormat('en', { timeZone: CANARY })],
    ['a number', () => BigInt(CANARY)],
  ])('of a programming error holds no value: %s', (_, work) => {
    const error = thrownBy(work);

    expect(error).toBeInstanceOf(Error);
    expect(JSON.stringify(serializeError(error))).not.toContain(CANARY);
  });

  it('of a programming error keeps what is wrong with the program', () => {
    const error = thrownBy(() => Reflect.get({}, 'user').name);

    expect(serializeError(error)).toMatchObject({
      type: 'TypeError',
      message: "Cannot read properties of undefined (reading 'name')",
    });
  });

  it.each([
    ['a text', CANARY, 'string'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
  ])('that is none, but %s, is its type', (_, thrown, type) => {
    expect(serializeError(thrown)).toEqual({ type });
  });

  it('has at most five causes, circles included, and three members', () => {
    const circle = new TypeError('round');
    circle.cause = circle;
    const members = Array.from({ length: 9 }, () => new TypeError('one'));

    const depth = JSON.stringify(serializeError(circle)).match(/"cause"/g);
    const many = serializeError(new AggregateError(members, CANARY));

    expect(depth).toHaveLength(5);
    expect(many.errors).toHaveLength(3);
    expect(JSON.stringify(many)).not.toContain(CANARY);
  });

  it('survives getters that throw', () => {
    const error = new TypeError('x');
    const fail = () => {
      throw new Error(CANARY);
    };
    for (const property of ['name', 'message', 'stack', 'code', 'cause', 'detail']) {
      Object.defineProperty(error, property, { get: fail });
    }

    expect(serializeError(error)).toEqual({ type: 'TypeError' });
  });
});
