// As PostgreSQL's scan.l has them: a carriage return ends a line comment, white space is ASCII, `$` may be inside a word.
// Two things are not matched on purpose: a plain string with a backslash, whose end depends on
// standard_conforming_strings, and U&"…", whose escapes would have to be read.
const BLANK = /[ \t\n\r\f\v]+|--[^\n\r]*|\/\*/;
const LITERAL = /[eE]'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*'|'[^'\\]*'|\$?[0-9]+/;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/;
const WORD = /(?![uU]&["'])[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/;
const IDENTIFIER = /"[^"]*(?:""[^"]*)*"/;
const SYMBOL = /[()[\],.;:+\-*/<>=~!@#%^&|`?]/;
const TOKEN = new RegExp(
  [BLANK, LITERAL, DOLLAR_QUOTE, WORD, IDENTIFIER, SYMBOL].map(({ source }) => source).join('|'),
  'y',
);

/** Stands for a string, a number or a parameter, whatever its value. */
export const LITERAL_TOKEN = "'";
/** The last token of a text whose rest could be read in two ways, or not at all. */
export const UNCLEAR_TOKEN = '\\';

/**
 * Takes a statement apart, in linear time: words in lower case, identifiers in their quotes, symbols as single
 * characters, LITERAL_TOKEN, UNCLEAR_TOKEN. Comments and white space are left out.
 */
export function tokenize(sql: string): string[] {
  const tokens: string[] = [];
  let at = 0;
  while (at < sql.length) {
    TOKEN.lastIndex = at;
    const raw = TOKEN.test(sql) ? sql.slice(at, TOKEN.lastIndex) : '';
    const end = endOf(sql, at, raw);
    if (end === undefined) {
      tokens.push(UNCLEAR_TOKEN);
      return tokens;
    }
    const token = tokenOf(raw);
    if (token !== undefined) {
      tokens.push(token);
    }
    at = end;
  }
  return tokens;
}

/** Where the token that begins with `raw` ends; undefined when it does not. */
function endOf(sql: string, at: number, raw: string): number | undefined {
  if (raw === '') {
    return undefined;
  }
  if (raw === '/*') {
    return endOfComment(sql, at);
  }
  const end = at + raw.length;
  if (!/^\$.*\$$/.test(raw)) {
    return end;
  }
  const close = sql.indexOf(raw, end);
  return close === -1 ? undefined : close + raw.length;
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

function tokenOf(raw: string): string | undefined {
  const first = raw.charAt(0);
  if (/^(?:[ \t\n\r\f\v]|--|\/\*)/.test(raw)) {
    return undefined;
  }
  if (first === "'" || raw.charAt(1) === "'" || first === '$' || /[0-9]/.test(first)) {
    return LITERAL_TOKEN;
  }
  // PostgreSQL has no other letters in lower case than those of ASCII.
  return first === '"' || !/[A-Z]/.test(raw)
    ? raw
    : raw.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
