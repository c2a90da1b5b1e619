import { DatabaseError } from './database-error.ts';
import { hasValueToken, readValueToken } from './value-token.ts';
import type { ValueToken } from './value-token.ts';

/** `?`, `??`, `\?`, or a value that a fragment carries. */
export type Placeholder = 'value' | 'identifier' | 'question mark' | ValueToken;

/** A statement in MikroORM's `?` form, taken apart. */
export interface ParsedStatement {
  /** Text around the placeholders: always one more than there are placeholders. */
  readonly pieces: readonly string[];
  readonly placeholders: readonly Placeholder[];
  /** How many of them want a value or an identifier. */
  readonly parameters: number;
}

// Whole tokens in which a question mark is text: strings ('…' and E'…'), identifiers, dollar quotes and comments.
// Block comments nest in PostgreSQL, so they are walked by hand.
const OPAQUE =
  /[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n\r]*|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const IDENTIFIER_TAIL = /[\w\u0080-\uffff$]/;

// Statements of an ORM repeat: their texts are parsed once. The oldest goes when the bound is met; texts this long
// are lists of changing length, which do not repeat.
const PARSED_LIMIT = 1000;
const PARSED_LENGTH_LIMIT = 8192;
const parsedStatements = new Map<string, ParsedStatement>();

/**
 * Finds the placeholders of a statement: question marks inside quotes, comments and dollar quotes are text.
 *
 * @throws DatabaseError `DB_UNBINDABLE_VALUE` for `$n` written by hand
 */
export function parseStatement(sql: string): ParsedStatement {
  const known = parsedStatements.get(sql);
  if (known !== undefined) {
    return known;
  }
  const parsed = scan(sql);
  if (sql.length > PARSED_LENGTH_LIMIT || hasValueToken(sql)) {
    return parsed;
  }
  if (parsedStatements.size >= PARSED_LIMIT) {
    const [oldest] = parsedStatements.keys();
    parsedStatements.delete(oldest ?? sql);
  }
  parsedStatements.set(sql, parsed);
  return parsed;
}

function scan(sql: string): ParsedStatement {
  const pieces: string[] = [];
  const placeholders: Placeholder[] = [];
  const isCarrying = hasValueToken(sql);
  let piece = '';
  let at = 0;
  const placeholder = (found: Placeholder, length: number) => {
    placeholders.push(found);
    pieces.push(piece);
    piece = '';
    at += length;
  };
  while (at < sql.length) {
    const end = skipOpaque(sql, at);
    const token = isCarrying ? readValueToken(sql, at) : undefined;
    if (token !== undefined) {
      placeholder(token, token.text.length);
    } else if (end > at) {
      piece += sql.slice(at, end);
      at = end;
    } else if (sql.startsWith('\\?', at)) {
      placeholder('question mark', 2);
    } else if (sql[at] === '?') {
      const isIdentifier = sql[at + 1] === '?';
      placeholder(isIdentifier ? 'identifier' : 'value', isIdentifier ? 2 : 1);
    } else if (
      sql[at] === '$' &&
      /[0-9]/.test(sql[at + 1] ?? '') &&
      !IDENTIFIER_TAIL.test(sql[at - 1] ?? '')
    ) {
      throw new DatabaseError('DB_UNBINDABLE_VALUE', 'write ? for a value: $n is what it becomes');
    } else {
      piece += sql[at];
      at += 1;
    }
  }
  pieces.push(piece);
  const parameters = placeholders.filter(
    (found) => found === 'value' || found === 'identifier',
  ).length;
  return { pieces, placeholders, parameters };
}

/** Where the quoted or commented token that starts at `at` ends; `at` itself when there is none. */
function skipOpaque(sql: string, at: number): number {
  if (sql.startsWith('/*', at)) {
    return endOfBlockComment(sql, at);
  }
  const before = at === 0 ? '' : (sql[at - 1] ?? '');
  const first = sql[at] ?? '';
  if ((first === 'e' || first === 'E' || first === '$') && IDENTIFIER_TAIL.test(before)) {
    return at;
  }
  OPAQUE.lastIndex = at;
  const token = OPAQUE.exec(sql)?.[0];
  if (token === undefined) {
    return at;
  }
  if (first !== '$') {
    return at + token.length;
  }
  const close = sql.indexOf(token, at + token.length);
  return close === -1 ? sql.length : close + token.length;
}

function endOfBlockComment(sql: string, at: number): number {
  let depth = 0;
  let position = at;
  while (position < sql.length) {
    if (sql.startsWith('/*', position)) {
      depth += 1;
      position += 2;
    } else if (sql.startsWith('*/', position)) {
      depth -= 1;
      position += 2;
      if (depth === 0) {
        return position;
      }
    } else {
      position += 1;
    }
  }
  return sql.length;
}
