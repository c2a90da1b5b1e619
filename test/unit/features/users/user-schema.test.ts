import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newUserSchema, userChangesSchema, userQuery } from '#features/users/user-schema.ts';

const email = 'Ada@Example.com';

describe('the body of a new user', () => {
  it('is taken as it is, the case of its address included', () => {
    const body = { email, name: ' Ada  Lovelace ' };

    expect(newUserSchema.parse(body)).toEqual(body);
  });

  it('never makes validation itself fail, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(() => newUserSchema.safeParse(body)).not.toThrow();
      }),
    );
  });

  it('is refused with any key that is not known', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (key, value) => {
        fc.pre(key !== 'email' && key !== 'name');
        const body = Object.fromEntries([
          ['email', email],
          ['name', 'Ada'],
          [key, value],
        ]);

        expect(newUserSchema.safeParse(body).success).toBe(false);
      }),
    );
  });

  it('has a name that is kept to the last character, or refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (name) => {
        const result = newUserSchema.safeParse({ email, name });

        expect(result.data?.name ?? name).toBe(name);
      }),
    );
  });

  it.each([
    `Robert'); drop table users;--`,
    '$1 ? ?? \\? :name',
    '"double" \'single\' `back` \\ \\\\ \\n',
    '/* comment */ -- comment',
    '👩‍🚀 𝒜𝒹𝒶',
    'שלום \u200Fעולם\u202E',
    'ada\u00A0lovelace',
    '__proto__',
    'a'.repeat(100),
    '𝒜'.repeat(100),
  ])('may have the name %j', (name) => {
    expect(newUserSchema.parse({ email, name }).name).toBe(name);
  });

  it.each([
    ['empty', ''],
    ['blank', ' \u00A0\u3000'],
    ['too long', 'a'.repeat(101)],
    ['too long in characters of two units', '𝒜'.repeat(101)],
    ['with NUL', 'Ada\0Lovelace'],
    ['with a line break', 'Ada\r\nLovelace'],
    ['with an ANSI escape', '\u001B[31mAda'],
    ['with half a character', 'Ada \uD800'],
    ['a number', 1],
    ['null', null],
    ['an operator', { $ne: '' }],
    ['a list', ['Ada']],
  ])('may not have a name that is %s', (_, name) => {
    const result = newUserSchema.safeParse({ email, name });

    expect(result.error?.issues.map((issue) => issue.path)).toContainEqual(['name']);
  });

  it.each([
    '',
    'ada',
    'ada@',
    '@example.com',
    'ada@example',
    ' ada@example.com',
    'ada@example.com ',
    'ada@example.com\n',
    'ada@exam\0ple.com',
    'ada@@example.com',
    'ada@example.com, eve@example.com',
    'Ada <ada@example.com>',
    'İ@example.com',
    `${'a'.repeat(243)}@example.com`,
  ])('may not have the address %j', (address) => {
    const result = newUserSchema.safeParse({ email: address, name: 'Ada' });

    expect(result.error?.issues.map((issue) => issue.path)).toContainEqual(['email']);
  });

  it('may have an address of 254 characters', () => {
    const longest = `${'a'.repeat(242)}@example.com`;

    expect(newUserSchema.parse({ email: longest, name: 'Ada' }).email).toBe(longest);
  });

  it('is judged quickly, however long its strings are', () => {
    const long = 50_000;
    const bodies = ['a', '.a', 'a@', '@a.', 'a.', ' ', '\u00A0', '\uD800'].map((piece) => {
      const text = piece.repeat(long / piece.length);
      return { email: `${text}!`, name: `${text}\0` };
    });
    const startedAt = performance.now();

    for (const body of bodies) {
      newUserSchema.safeParse(body);
    }

    expect((performance.now() - startedAt) / bodies.length).toBeLessThan(100);
  });
});

describe('the changes of a user', () => {
  it.each([{ email }, { name: 'Ada' }, { email, name: 'Ada' }])('may be %j', (changes) => {
    expect(userChangesSchema.parse(changes)).toEqual(changes);
  });

  it.each([
    {},
    { id: '0198c0de-7a11-7000-8000-000000000001' },
    { name: 'Ada', version: 7 },
    { name: null },
    { email: undefined },
    { createdAt: '2026-01-01T00:00:00Z' },
    JSON.parse('{"__proto__": {"name": "Ada"}}'),
  ])('may not be %j', (changes) => {
    expect(userChangesSchema.safeParse(changes).success).toBe(false);
  });
});

describe('the query of the listing of users', () => {
  it('asks for twenty when it says nothing', () => {
    expect(userQuery.parse({})).toEqual({ limit: 20 });
  });

  it.each([{ email: 'x' }, { email: '' }, { limit: '0' }, { sort: 'name' }])(
    'may not be %j',
    (query) => {
      expect(userQuery.safeParse(query).success).toBe(false);
    },
  );
});
