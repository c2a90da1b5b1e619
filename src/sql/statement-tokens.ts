// As PostgreSQL's scan.l has them: a carriage return ends a line comment, white space is ASCII, `$` may be inside a word.
// Two things are not matched on purpose: a plain string with `\'`, whose end depends on standard_conforming_strings,
// and `U&"…"`, whose escapes would have to be read to know what it names.
const BLANK = /[ \t\n\r\f\v]+/;
const COMMENT = /--[^\n\r]*|\/\*/;
const STRING =
  /[eE]'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*'(?!')|(?:[bBxXnN]|[uU]&)?'[^'\\]*(?:(?:\\[^']|'')[^'\\]*)*'(?!')/;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/;
const PARAMETER = /\$[0-9]+/;
const NUMBER =
  /0[xX]_?[0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*|(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?/;
const WORD = /(?![uU]&["']|[eEbBxXnN]')[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/;
const IDENTIFIER = /"[^"]*(?:""[^"]*)*"/;
const SYMBOL = /[()[\],.;:+\-*/<>=~!@#%^&|`?]/;
const TOKEN = new RegExp(
  [BLANK, COMMENT, STRING, DOLLAR_QUOTE, PARAMETER, NUMBER, WORD, IDENTIFIER, SYMBOL]
    .map(({ source }) => source)
    .join('|'),
  'y',
);

/** `unclear`: what begins here can be read in two ways, or not at all; the last token of its text. */
export type TokenKind =
  | 'blank'
  | 'comment'
  | 'string'
  | 'parameter'
  | 'number'
  | 'word'
  | 'identifier'
  | 'symbol'
  | 'unclear';

/** Stands for a string, a number or a parameter, whatever its value. */
export const LITERAL_TOKEN = "'";
/** The last token of a text whose rest could be read in two ways, or not at all. */
export const UNCLEAR_TOKEN = '\\';

/**
 * Tells every token of a statement with its place, from left to right, in linear time. Together they are the whole text.
 * A visitor that returns true has seen enough.
 */
export function scan(
  sql: string,
  visit: (kind: TokenKind, start: number, end: number) => boolean | void,
): void {
  let at = 0;
  while (at < sql.length) {
    TOKEN.lastIndex = at;
    const matched = TOKEN.test(sql) ? TOKEN.lastIndex : at;
    const kind = matched === at ? 'unclear' : kindOf(sql, at, matched);
    const end = kind === 'unclear' ? undefined : endOf(sql, at, matched, kind);
    if (end === undefined) {
      visit('unclear', at, sql.length);
      return;
    }
    if (visit(kind, at, end) === true) {
      return;
    }
    at = end;
  }
}

/**
 * Takes a statement apart, in linear time: words in lower case, identifiers in their quotes, symbols as single
 * characters, LITERAL_TOKEN, UNCLEAR_TOKEN. Comments and white space are left out.
 */
export function tokenize(sql: string): string[] {
  const tokens: string[] = [];
  scan(sql, (kind, start, end) => {
    switch (kind) {
      case 'blank':
      case 'comment':
        return;
      case 'string':
      case 'parameter':
      case 'number':
        tokens.push(LITERAL_TOKEN);
        return;
      case 'word':
        tokens.push(inLowerCase(sql.slice(start, end)));
        return;
      case 'identifier':
      case 'symbol':
        tokens.push(sql.slice(start, end));
        return;
      case 'unclear':
        tokens.push(UNCLEAR_TOKEN);
    }
  });
  return tokens;
}

/** By the first and the last character of what was matched. */
function kindOf(sql: string, start: number, end: number): TokenKind {
  const first = sql.charAt(start);
  const second = end - start > 1 ? sql.charAt(start + 1) : '';
  if (/[ \t\n\r\f\v]/.test(first)) {
    return 'blank';
  }
  if (second !== '' && /[-/]/.test(first)) {
    return 'comment';
  }
  if (first === '"') {
    return 'identifier';
  }
  if (sql.charAt(end - 1) === "'") {
    return 'string';
  }
  if (first === '$') {
    return /[0-9]/.test(second) ? 'parameter' : 'string';
  }
  if (/[0-9]/.test(first) || (first === '.' && second !== '')) {
    return 'number';
  }
  return /[A-Za-z_\u0080-\uffff]/.test(first) ? 'word' : 'symbol';
}

/** Where the token that begins with what was matched ends; undefined when it does not. */
function endOf(sql: string, start: number, matched: number, kind: TokenKind): number | undefined {
  if (kind === 'comment' && sql.startsWith('/*', start)) {
    return endOfComment(sql, start);
  }
  if (kind === 'string' && sql.charAt(start) === '$') {
    const quote = sql.slice(start, matched);
    const close = sql.indexOf(quote, matched);
    return close === -1 ? undefined : close + quote.length;
  }
  return matched;
}

/** Block comments nest in PostgreSQL. */
function endOfComment(sql: string, at: number): number | undefined {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = at;
  let depth = 0;
  for (let match = edge.exec(sql); match !== null; match = edge.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) {
      return edge.lastIndex;
    }
  }
  return undefined;
}

/** PostgreSQL has no other letters in lower case than those of ASCII. */
function inLowerCase(word: string): string {
  return /[A-Z]/.test(word) ? word.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()) : word;
}
