import { JsonProperty, raw } from '@mikro-orm/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindParameters } from '#database/bind-parameters.ts';

const platform = {
  quoteIdentifier: (identifier: string) => `"${identifier.replaceAll('"', '""')}"`,
  formatDate: (date: Date) => date.toISOString(),
};
const bind = (sql: string, params: readonly unknown[]) => bindParameters(sql, params, platform);

describe('placeholders', () => {
  it('become numbered parameters in order', () => {
    expect(bind('select ? where a = ? and b = ?', [1, 'x', null])).toEqual({
      text: 'select $1 where a = $2 and b = $3',
      values: [1, 'x', null],
    });
  });

  it.each([
    ['a string', "select '?', ?", "select '?', $1"],
    ['a string with a doubled quote', "select 'it''s ?', ?", "select 'it''s ?', $1"],
    ['an escape string', "select E'\\'?', ?", "select E'\\'?', $1"],
    ['a backslash in a plain string', "select '\\', ?", "select '\\', $1"],
    ['a quoted identifier', 'select "?""?", ?', 'select "?""?", $1'],
    ['a line comment', 'select -- ?\n ?', 'select -- ?\n $1'],
    ['a block comment', 'select /* ? */ ?', 'select /* ? */ $1'],
    ['a nested block comment', 'select /* /* ? */ ? */ ?', 'select /* /* ? */ ? */ $1'],
    ['a dollar quote', 'select $$ ? $$, ?', 'select $$ ? $$, $1'],
    ['a tagged dollar quote', 'select $a$ ? $$ ? $a$, ?', 'select $a$ ? $$ ? $a$, $1'],
  ])('are text inside %s', (_kind, sql, text) => {
    expect(bind(sql, ['v'])).toEqual({ text, values: ['v'] });
  });

  it('an identifier ending in e before a string opens no escape string', () => {
    expect(bind("select date'\\', ?", [1]).text).toBe("select date'\\', $1");
  });

  it('a dollar sign inside an identifier opens no dollar quote', () => {
    expect(bind('select a$b$ = ? and c$b$ = ?', [1, 2]).text).toBe(
      'select a$b$ = $1 and c$b$ = $2',
    );
  });

  it('that are escaped stay question marks, and doubled ones are identifiers', () => {
    expect(bind('select ?? \\? ?', ['a"b', 'k'])).toEqual({
      text: 'select "a""b" ? $1',
      values: ['k'],
    });
  });

  it('are left alone when there are no values', () => {
    expect(bind("select data ? 'key'", []).text).toBe("select data ? 'key'");
  });

  it('that do not match the values are refused, and so are numbers written by hand', () => {
    expect(() => bind('select ?', [1, 2])).toThrow('1 placeholders and 2 values');
    expect(() => bind('select ?, ?', [1])).toThrow('2 placeholders and 1 values');
    expect(() => bind('select $1, ?', [1])).toThrow('write ? for a value');
  });
});

describe('values', () => {
  it('in an array become a list, as in (?) needs', () => {
    expect(bind('select 1 where a in (?) and b = ?', [['x', 'y'], 3])).toEqual({
      text: 'select 1 where a in ($1, $2) and b = $3',
      values: ['x', 'y', 3],
    });
  });

  it('in an array that MikroORM marks as JSON, as it does for embeddables, are one value', () => {
    const embeddables = Object.assign([{ a: 1 }, { a: 2 }], { [JsonProperty]: true });

    expect(bind('insert into t values (?, ?)', [embeddables, 3])).toEqual({
      text: 'insert into t values ($1, $2)',
      values: ['[{"a":1},{"a":2}]', 3],
    });
  });

  it('in a raw fragment are bound where the fragment stands', () => {
    expect(bind('select ?, ?', [raw('lower(?)', ['A']), 2])).toEqual({
      text: 'select lower($1), $2',
      values: ['A', 2],
    });
  });

  it('of plain objects are JSON, dates are text, bytes are buffers, big integers keep every digit', () => {
    const date = new Date('2026-01-02T03:04:05.678Z');

    expect(bind('? ? ? ?', [{ a: [1] }, date, new Uint8Array([1, 255]), 2n ** 70n]).values).toEqual(
      ['{"a":[1]}', '2026-01-02T03:04:05.678Z', Buffer.from([1, 255]), '1180591620717411303424'],
    );
  });

  it('that are negative zeros keep their sign', () => {
    expect(bind('select ?', [-0]).values).toEqual(['-0']);
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a map', new Map()],
    ['an instance of a class', new (class Money {})()],
    ['an invalid date', new Date(Number.NaN)],
  ])('that no parameter can carry are refused: %s', (_kind, value) => {
    expect(() => bind('select ?', [value])).toThrow(
      expect.objectContaining({ code: 'DB_UNBINDABLE_VALUE' }),
    );
  });

  it('that UTF-8 cannot express are refused', () => {
    expect(() => bind('select ?', ['\ud800'])).toThrow(
      expect.objectContaining({ code: 'DB_INVALID_TEXT' }),
    );
  });

  it('never become part of the text', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom("'", '?', '??', '$1', '--', '/*', '\\', '$$'),
    );

    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 8 }), (values) => {
        const sql = values.map(() => '?').join(', ');

        expect(bind(sql, values)).toEqual({
          text: values.map((_value, index) => `$${index + 1}`).join(', '),
          values,
        });
      }),
    );
  });

  it('keep their places whatever text stands between them', () => {
    const piece = fc
      .string({
        unit: fc.constantFrom("'", '"', '$', 'a', '1', '-', '/', '*', '\\', ' ', '\n', 'E', '?'),
      })
      .map((text) => `/* ${text.replaceAll('/', '').replaceAll('*', '')} */`);

    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const { text, values } = bind(
          pieces.join(' ? ') + ' ?',
          pieces.map((_piece, index) => index),
        );

        expect(values).toHaveLength(pieces.length);
        expect(text).toBe(pieces.map((part, index) => `${part} $${index + 1}`).join(' '));
      }),
    );
  });
});
