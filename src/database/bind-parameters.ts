import { isRaw, JsonProperty } from '@mikro-orm/core';
import { DatabaseError } from './database-error.ts';

/** A statement ready for the extended protocol: `$n` in the text, one value for each. */
export interface BoundStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** How the platform writes what cannot be a parameter, and dates. */
export interface BindingPlatform {
  quoteIdentifier(identifier: string): string;
  formatDate(date: Date): string;
}

type Placeholder = 'value' | 'identifier';

interface ParsedStatement {
  /** Text around the placeholders: always one more than there are placeholders. */
  readonly pieces: readonly string[];
  readonly placeholders: readonly Placeholder[];
}

// Whole tokens in which a question mark is text: strings ('…' and E'…'), identifiers, dollar quotes and comments.
// Block comments nest in PostgreSQL, so they are walked by hand.
const OPAQUE =
  /[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const IDENTIFIER_TAIL = /[\w\u0080-\uffff$]/;

/**
 * Rewrites MikroORM's `?` form into `$n` and its values into what pg sends as parameters, so that no value is ever
 * part of a statement. A `?` inside quotes, comments and dollar quotes is text; `??` is an identifier and `\?` a
 * literal question mark, as in MikroORM. Arrays expand to a list, as `in (?)` needs; raw fragments are spliced in.
 *
 * @throws DatabaseError `DB_UNBINDABLE_VALUE` for a value no parameter can carry, or when values and placeholders
 * do not match; `DB_INVALID_TEXT` for a string that UTF-8 cannot express.
 */
export function bindParameters(
  sql: string,
  params: readonly unknown[],
  platform: BindingPlatform,
): BoundStatement {
  if (params.length === 0) {
    return { text: sql, values: params };
  }
  const values: unknown[] = [];
  return { text: splice(sql, params, platform, values), values };
}

function splice(
  sql: string,
  params: readonly unknown[],
  platform: BindingPlatform,
  values: unknown[],
): string {
  const { pieces, placeholders } = parse(sql);
  if (placeholders.length !== params.length) {
    throw new DatabaseError(
      'DB_UNBINDABLE_VALUE',
      `the statement has ${placeholders.length} placeholders and ${params.length} values`,
    );
  }
  let text = pieces[0] ?? '';
  for (const [index, placeholder] of placeholders.entries()) {
    const param = params[index];
    if (placeholder === 'identifier') {
      text += quoteIdentifier(param, platform);
    } else {
      text += spliceValue(param, platform, values);
    }
    text += pieces[index + 1] ?? '';
  }
  return text;
}

function quoteIdentifier(param: unknown, platform: BindingPlatform): string {
  if (typeof param !== 'string') {
    throw new DatabaseError(
      'DB_UNBINDABLE_VALUE',
      `an identifier must be a string, not ${kindOf(param)}`,
    );
  }
  return platform.quoteIdentifier(param);
}

function spliceValue(param: unknown, platform: BindingPlatform, values: unknown[]): string {
  if (isRaw(param)) {
    return param.params.length === 0
      ? param.sql
      : splice(param.sql, param.params, platform, values);
  }
  if (Array.isArray(param) && !(JsonProperty in param)) {
    return param.map((item: unknown) => spliceValue(item, platform, values)).join(', ');
  }
  values.push(toParameter(param, platform));
  return `$${values.length}`;
}

/** What pg can send without changing it; anything else is refused rather than guessed. */
function toParameter(value: unknown, platform: BindingPlatform): unknown {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) {
        throw new DatabaseError(
          'DB_INVALID_TEXT',
          'a string holds half of a surrogate pair, which UTF-8 cannot express',
        );
      }
      return value;
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      return objectToParameter(value, platform);
    default:
      throw new DatabaseError(
        'DB_UNBINDABLE_VALUE',
        `a value of type ${typeof value} cannot be a parameter`,
      );
  }
}

function objectToParameter(value: object | null, platform: BindingPlatform): unknown {
  if (value === null || Buffer.isBuffer(value)) {
    return value;
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) {
      throw new DatabaseError('DB_UNBINDABLE_VALUE', 'an invalid date cannot be a parameter');
    }
    return platform.formatDate(value);
  }
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  if (isJson(value)) {
    return toParameter(JSON.stringify(value), platform);
  }
  throw new DatabaseError(
    'DB_UNBINDABLE_VALUE',
    `an object of class ${kindOf(value)} cannot be a parameter`,
  );
}

/** Plain objects, and what MikroORM marks as JSON (embeddables), are sent as JSON text. */
function isJson(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || JsonProperty in value;
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return typeof value;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const constructor: unknown = prototype === null ? undefined : Reflect.get(value, 'constructor');
  return typeof constructor === 'function' ? constructor.name : 'object';
}

// Statements of an ORM repeat: their texts are parsed once. The oldest goes when the bound is met; texts this long
// are lists of changing length, which do not repeat.
const PARSED_LIMIT = 1000;
const PARSED_LENGTH_LIMIT = 8192;
const parsedStatements = new Map<string, ParsedStatement>();

function parse(sql: string): ParsedStatement {
  const known = parsedStatements.get(sql);
  if (known !== undefined) {
    return known;
  }
  const parsed = scan(sql);
  if (sql.length > PARSED_LENGTH_LIMIT) {
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
  let piece = '';
  let at = 0;
  while (at < sql.length) {
    const end = skipOpaque(sql, at);
    if (end > at) {
      piece += sql.slice(at, end);
      at = end;
    } else if (sql.startsWith('\\?', at)) {
      piece += '?';
      at += 2;
    } else if (sql[at] === '?') {
      const isIdentifier = sql[at + 1] === '?';
      placeholders.push(isIdentifier ? 'identifier' : 'value');
      pieces.push(piece);
      piece = '';
      at += isIdentifier ? 2 : 1;
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
  return { pieces, placeholders };
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
