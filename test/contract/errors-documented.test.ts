import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { DATABASE_ERROR_CODES } from '#database/database-error.ts';
import { HTTP_ERROR_CODES } from '#http/error-codes.ts';
import { ERROR_STATUS, statusOf } from '#http/error-status.ts';

const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading ?? '');

function section(code: string): string {
  return page.split(`\n### ${code}\n`)[1]?.split('\n#')[0] ?? '';
}

const PROMISED = {
  409: ['DB_UNIQUE', 'DB_EXCLUSION', 'DB_DEADLOCK', 'DB_SERIALIZATION', 'CONFLICT'],
  422: ['DB_FOREIGN_KEY', 'DB_CHECK', 'DB_NOT_NULL', 'DB_INVALID_TEXT', 'DB_OUT_OF_RANGE'],
  503: [
    'DB_POOL_TIMEOUT',
    'DB_POOL_FULL',
    'DB_CONNECT_REFUSED',
    'DB_CONNECT_TIMEOUT',
    'DB_HOST_NOT_FOUND',
    'DB_NOT_FOUND',
    'DB_AUTH_FAILED',
    'DB_TLS',
    'DB_TOO_MANY_CONNECTIONS',
    'DB_UNAVAILABLE',
    'DB_CONNECTION_LOST',
    'DB_READ_ONLY',
    'DB_DISK_FULL',
    'DB_LOCK_TIMEOUT',
    'DB_MIGRATIONS_PENDING',
    'NOT_CONFIGURED',
    'DRAINING',
    'OVERLOADED',
  ],
  504: ['DB_QUERY_TIMEOUT', 'REQUEST_TIMEOUT'],
  400: ['INPUT_INVALID'],
  401: ['UNAUTHORIZED'],
  404: ['NOT_FOUND'],
  405: ['METHOD_NOT_ALLOWED'],
  406: ['NOT_ACCEPTABLE'],
  412: ['PRECONDITION_FAILED'],
  413: ['PAYLOAD_TOO_LARGE'],
  415: ['UNSUPPORTED_MEDIA_TYPE'],
} as const;

describe('docs/errors.md', () => {
  it('has one heading for every code, and none for what is no code', () => {
    expect(headings.toSorted()).toEqual([...HTTP_ERROR_CODES, ...DATABASE_ERROR_CODES].toSorted());
  });

  it.each([...HTTP_ERROR_CODES, ...DATABASE_ERROR_CODES])('tells the status of %s', (code) => {
    expect(section(code)).toContain(`**${ERROR_STATUS[code]}`);
  });

  it.each(DATABASE_ERROR_CODES.filter((code) => code.startsWith('DB_')))(
    'tells the causes of %s in order, and what to look at',
    (code) => {
      expect(section(code)).toMatch(/\n1\. [^]*\nLook (at|whether) /);
    },
  );

  it('tells that a foreign key is a conflict on DELETE', () => {
    expect(section('DB_FOREIGN_KEY')).toContain(
      `on DELETE **${statusOf('DB_FOREIGN_KEY', 'DELETE')}**`,
    );
  });
});

describe('the status of an error', () => {
  const promised = Object.entries(PROMISED).flatMap(([status, codes]) =>
    codes.map((code) => [code, Number(status)] as const),
  );

  it.each(promised)('of %s is %i', (code, status) => {
    expect(ERROR_STATUS[code]).toBe(status);
  });

  it('is 500 for every other code', () => {
    const known = new Set<string>(promised.map(([code]) => code));
    const others = Object.entries(ERROR_STATUS).filter(([code]) => !known.has(code));

    expect(new Set(others.map(([, status]) => status))).toEqual(new Set([500]));
  });
});
