import { raw } from '@mikro-orm/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindParameters, carryParameters, carryValue } from '#database/bind-parameters.ts';

const platform = {
  quoteIdentifier: (identifier: string) => `"${identifier}"`,
  formatDate: (date: Date) => date.toISOString(),
};
const carry = (sql: string, params: readonly unknown[]) => carryParameters(sql, params, platform);
const bind = (sql: string, params: readonly unknown[] = []) =>
  bindParameters(sql, params, platform);

describe('a fragment that becomes text before its statement is bound', () => {
  it('is bound with it, whatever its value is', () => {
    const value = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom("'", '?', '\\?', '??', '$1', '--', '/*', '$$', '"', '\u0000'),
      // A negative zero is sent as text.
      fc.double().map((number) => number + 0),
      fc.boolean(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    );

    fc.assert(
      fc.property(value, value, (carried, own) => {
        const { text, values } = bind(`select ${carry('f(?)', [carried])} = ?`, [own]);

        expect(text).toBe('select f($1) = $2');
        expect(values).toEqual([carried, own]);
      }),
    );
  });

  it('never shows a value in its text', () => {
    expect(carry('lower(?)', ['c4n4ry'])).not.toContain('c4n4ry');
  });

  it('keeps lists, nulls, identifiers, nested fragments and escaped question marks', () => {
    const fragment = carry('?? in (?) and a is ? and b \\? ? and c = ?', [
      'x',
      [1, 'y'],
      null,
      'key',
      raw('lower(?)', ['Z']),
    ]);

    expect(bind(`select ${fragment}`)).toEqual({
      text: 'select "x" in ($1, $2) and a is null and b ? $3 and c = lower($4)',
      values: [1, 'y', 'key', 'Z'],
    });
  });

  it('can be carried twice', () => {
    const inner = carry('a = ?', ['x']);
    const outer = carry(`(${inner}) or b = ?`, ['y']);

    expect(bind(`select ${outer}`)).toEqual({
      text: 'select (a = $1) or b = $2',
      values: ['x', 'y'],
    });
  });

  it('shares one parameter with the same fragment elsewhere, as group by needs; numbers are not shared', () => {
    const month = carry('date_trunc(?, at)', ['month']);
    const one = carry('?', [1]);

    expect(bind(`select ${month}, ${one} group by ${month} limit ${one}`)).toEqual({
      text: 'select date_trunc($1, at), $2 group by date_trunc($1, at) limit $3',
      values: ['month', 1, 1],
    });
  });

  it('leaves question marks alone that no value belongs to', () => {
    expect(bind(`select data ? 'k', ${carry('?', ['v'])}`)).toEqual({
      text: "select data ? 'k', $1",
      values: ['v'],
    });
  });

  it('is refused inside quotes, where a value would be text', () => {
    const value = carryValue('v', platform);

    expect(() => bind(`select '${value}'`)).toThrow(
      expect.objectContaining({ code: 'DB_UNBINDABLE_VALUE' }),
    );
  });

  it.each([
    ['DB_UNBINDABLE_VALUE', undefined],
    ['DB_UNBINDABLE_VALUE', new Map()],
    ['DB_INVALID_TEXT', '\udc00'],
  ])('is refused with %s for a value no parameter can carry', (code, value) => {
    expect(() => carry('f(?)', [value])).toThrow(expect.objectContaining({ code }));
    expect(() => carryValue(value, platform)).toThrow(expect.objectContaining({ code }));
  });
});
