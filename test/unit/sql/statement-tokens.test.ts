import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LITERAL_TOKEN, tokenize, UNCLEAR_TOKEN } from '#sql/statement-tokens.ts';

describe('the tokens of a statement', () => {
  it('are words in lower case, identifiers in their quotes, symbols and literals without their value', () => {
    const tokens = tokenize(`SELECT "A""b".c$1, $1::Größe FROM t WHERE x>=1.5 AND y='z''s'`);

    expect(tokens.join(' ')).toBe(
      `select "A""b" . c$1 , ' : : größe from t where x > = ' and y = '`,
    );
  });

  it('leave out white space and comments, which nest and end at a carriage return', () => {
    expect(tokenize('a /* b /* c */ d */ e -- f\rg /**/ h --')).toEqual(['a', 'e', 'g', 'h']);
  });

  it.each([
    ['an escape string', String.raw`E'it\'s '' ; x' y`],
    ['a dollar quote', '$$ x; $a$ $$ y'],
    ['a tagged dollar quote', '$a1$ $$ x; $a$ $a1$ y'],
  ])('hold %s as one literal', (_kind, text) => {
    expect(tokenize(text)).toEqual([LITERAL_TOKEN, 'y']);
  });

  it.each([
    ['a string with a backslash, whose end depends on a setting', String.raw`'\' ; x`],
    ['an identifier with escapes', 'U&"x" ; y'],
    ['a string without an end', "'x"],
    ['an identifier without an end', '"x'],
    ['a dollar quote without an end', '$a$ x $$'],
    ['a comment without an end', '/* /* */ x'],
    ['a character that PostgreSQL does not know', '\0'],
  ])('end before %s', (_kind, text) => {
    expect(tokenize(`a ${text}`)).toEqual(['a', UNCLEAR_TOKEN]);
  });

  it('do not change with the case of ASCII words, and leave other letters as they are', () => {
    const word = fc.stringMatching(/^[a-z_][\w$]{0,20}$/);
    fc.assert(
      fc.property(word, (text) => {
        expect(tokenize(text.toUpperCase())).toEqual([text.toLowerCase()]);
        // The Kelvin sign is no k.
        expect(tokenize(`\u212A${text.toUpperCase()}`)).toEqual([`\u212A${text.toLowerCase()}`]);
      }),
    );
  });
});
