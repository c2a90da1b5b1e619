import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sanitizeSql } from '#telemetry/sanitize-sql.ts';
import { NOT_OF_POSTGRES, PUBLISHED_CASES } from '#test/support/published-sql-cases.ts';

const SECRET = 'c4n4ry';

describe('a sanitised statement', () => {
  it.each([
    ...PUBLISHED_CASES.map(([text, sanitized]) => [text, sanitized] as const),
    ...NOT_OF_POSTGRES,
  ])('of %s is as published', (text, sanitized) => {
    expect(sanitizeSql(text)).toBe(sanitized);
  });

  it.each([
    ["select 'a''b'", 'select ?'],
    [String.raw`select E'it\'s' || e'\\', e'''\'', 1`, 'select ? || ?, ?, ?'],
    [String.raw`select U&'d\0061t' , u&'x'`, 'select ? , ?'],
    ["select B'01', X'1F', N'x', b'', x'', n''", 'select ?, ?, ?, ?, ?, ?'],
    ['select $$a$$, $t$ $$ $t$, $größe$x$größe$', 'select ?, ?, ?'],
    ["select 'a'\n  'b'\n'c', 'd' -- e\n'f'", 'select ?\n  \n, ? \n'],
    ["select 'a' 'b'", 'select ? ?'],
    [String.raw`select 'C:\temp' like '%\_%', 1`, 'select ? like ?, ?'],
    ['select 1, 1.5, .5, 5., 1e-5, 1.5E+10, .5e3', 'select ?, ?, ?, ?, ?, ?, ?'],
    ['select 0x1F, 0XAB, 0o17, 0b101, 1_000, 1_000.000_1', 'select ?, ?, ?, ?, ?, ?'],
    ['select -1, +.5, (-1), a = -1, a>-1', 'select ?, ?, (?), a = ?, a>?'],
    ['select n-1, $1-1, "n"-1, f(x)-1, a[1]-1', 'select n-?, $1-?, "n"-?, f(x)-?, a[?]-?'],
    ['select a - 1, 2 - -1', 'select a - ?, ? - ?'],
    ['select 12ab, a1, t2.c3', 'select ?, a1, t2.c3'],
    ['select "a 1", "b""2" from "T1"', 'select "a 1", "b""2" from "T1"'],
    ['select * from t where id = $1 and b=$22', 'select * from t where id = $1 and b=$22'],
    [`select data->'k'->>0 ?| $1`, 'select data->?->>? ?| $1'],
    ['select a -- b\r, c -- d', 'select a \r, c '],
    ['select /* a /* b */ c */ d', 'select  d'],
    ['select/**/a/**/from/* x */t', 'select a from t'],
    ["do $body$ begin perform 'x'; end $body$", 'do ?'],
    ["select interval '1 day', date '2020-01-01'", 'select interval ?, date ?'],
    ['', ''],
  ])('of %s is %s', (text, sanitized) => {
    expect(sanitizeSql(text)).toBe(sanitized);
  });

  it.each([
    ['a string without an end', `select 1, '${SECRET}`],
    ['an escape string without an end', `select 1, E'x\\' ${SECRET}`],
    ['a string whose end depends on a setting', `select 1, 'x\\' ${SECRET} '; y`],
    ['a dollar quote without an end', `select 1, $a$ ${SECRET} $b$`],
    ['a comment without an end', `select 1, /* /* */ ${SECRET}`],
    ['an identifier without an end', `select 1, "${SECRET}`],
    ['an identifier with escapes', `select 1, U&"${SECRET}"`],
    ['a character that PostgreSQL does not know', `select 1, {${SECRET}}`],
  ])('has one question mark for %s and all behind it', (_kind, text) => {
    expect(sanitizeSql(text)).toMatch(/^select \?, \?+$/);
  });

  it('is cut to 2000 characters', () => {
    const text = `select ${'a_long_name, '.repeat(1000)}`;

    expect(sanitizeSql(text)).toBe(text.slice(0, 2000));
  });

  it('holds no literal, whatever stands in one and around it', () => {
    const content = fc.string({ unit: 'binary' }).map((text) => `${text}${SECRET}${text}`);
    const literal = fc.oneof(
      content.map((text) => ` '${text.replaceAll("'", "''")}'`),
      content.map((text) => ` E'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`),
      content.map((text) => ` $t$${text.replaceAll('$', '')}$t$`),
      content.map((text) => ` /*${text.replaceAll(/[*/]/g, '')}*/`),
      content.map((text) => ` --${text.replaceAll(/[\r\n]/g, '')}\n`),
    );
    const around = fc.constantFrom(' ', ',', '(', ')', '-', 'select', '"a"', '$1', '1', 'e', '\n');

    fc.assert(
      fc.property(fc.array(fc.oneof(literal, around), { maxLength: 20 }), (parts) => {
        expect(sanitizeSql(parts.join(''))).not.toContain(SECRET);
      }),
    );
  });

  it.each([
    ['quotes', "'"],
    ['escaped quotes', String.raw`\'`],
    ['strings', "'a'"],
    ['escape strings', "E'"],
    ['backslashes', '\\'],
    ['dollar quotes', '$a$'],
    ['different dollar quotes', '$a$$b'],
    ['comments that begin', '/*'],
    ['comments', '/**/'],
    ['line comments', '--\n'],
    ['identifiers', '""'],
    ['digits', '1'],
    ['digits and underscores', '1_'],
    ['signs', '-+'],
    ['blanks', ' \n'],
    ['letters', 'u&'],
  ])('takes a time that grows with its length: %s', (_kind, piece) => {
    const text = (length: number) => `select E'\\'${piece.repeat(length / piece.length)}`;
    const quickest = (length: number) =>
      Math.min(
        ...Array.from({ length: 5 }, () => {
          const startedAt = performance.now();
          sanitizeSql(text(length));
          sanitizeSql(text(length).slice(10));
          return performance.now() - startedAt;
        }),
      );

    expect(quickest(50_000)).toBeLessThan(20);
  });
});
