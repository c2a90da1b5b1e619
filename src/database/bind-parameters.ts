import { isRaw, JsonProperty } from '@mikro-orm/core';
import { DatabaseError } from './database-error.ts';
import { parseStatement } from './parse-statement.ts';
import { kindOf, toParameter } from './to-parameter.ts';
import type { DateFormat, Parameter } from './to-parameter.ts';
import { assertNoValueToken, hasValueToken, writeValueToken } from './value-token.ts';
import type { ValueToken } from './value-token.ts';

/** A statement ready for the extended protocol: `$n` in the text, one value for each. */
export interface BoundStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** How the platform writes what cannot be a parameter, and dates. */
export interface BindingPlatform extends DateFormat {
  quoteIdentifier(identifier: string): string;
}

/** Where the values of a statement go, and what stands in its text for them. */
interface Writer {
  readonly platform: BindingPlatform;
  readonly questionMark: string;
  value(value: Parameter): string;
  token(token: ValueToken): string;
}

/**
 * Rewrites MikroORM's `?` form into `$n` and its values into what pg sends as parameters, so that no value is ever
 * part of a statement. A `?` inside quotes, comments and dollar quotes is text; `??` is an identifier and `\?` a
 * literal question mark, as in MikroORM. Arrays expand to a list, as `in (?)` needs; raw fragments are spliced in.
 * Without values every question mark is text.
 *
 * @throws DatabaseError `DB_UNBINDABLE_VALUE` for a value no parameter can carry, or when values and placeholders
 * do not match; `DB_INVALID_TEXT` for a string that UTF-8 cannot express.
 */
export function bindParameters(
  sql: string,
  params: readonly unknown[],
  platform: BindingPlatform,
): BoundStatement {
  if (params.length === 0 && !hasValueToken(sql)) {
    return { text: sql, values: params };
  }
  const values: Parameter[] = [];
  const carried = new Map<string, string>();
  const bind = (value: Parameter) => `$${values.push(value)}`;
  const text = write(sql, params, {
    platform,
    questionMark: '?',
    value: bind,
    // An expression that is selected and grouped by must be the same in both places, its parameter included. A number
    // is not shared: its type differs from place to place.
    token: (token) => {
      const known = carried.get(token.text);
      const parameter = known ?? bind(token.value);
      if (typeof token.value === 'string') {
        carried.set(token.text, parameter);
      }
      return parameter;
    },
  });
  assertNoValueToken(text);
  return { text, values };
}

/**
 * Puts values into a fragment as tokens, for `bindParameters` to find once the fragment is part of a statement.
 *
 * @throws DatabaseError as `bindParameters` does
 */
export function carryParameters(
  sql: string,
  params: readonly unknown[],
  platform: BindingPlatform,
): string {
  return params.length === 0 ? sql : write(sql, params, tokenWriter(platform));
}

/** Writes one value as a token, a list as a list of them. */
export function carryValue(value: unknown, platform: BindingPlatform): string {
  return writeValue(value, tokenWriter(platform));
}

function tokenWriter(platform: BindingPlatform): Writer {
  return {
    platform,
    questionMark: String.raw`\?`,
    value: writeValueToken,
    token: ({ text }) => text,
  };
}

function write(sql: string, params: readonly unknown[], writer: Writer): string {
  const { pieces, placeholders, parameters } = parseStatement(sql);
  if (params.length > 0 && parameters !== params.length) {
    throw new DatabaseError(
      'DB_UNBINDABLE_VALUE',
      `the statement has ${parameters} placeholders and ${params.length} values`,
    );
  }
  let next = 0;
  let text = pieces[0] ?? '';
  for (const [index, placeholder] of placeholders.entries()) {
    if (placeholder === 'question mark') {
      text += writer.questionMark;
    } else if (typeof placeholder === 'object') {
      text += writer.token(placeholder);
    } else if (params.length === 0) {
      text += placeholder === 'value' ? '?' : '??';
    } else {
      const param = params[next];
      next += 1;
      text +=
        placeholder === 'value'
          ? writeValue(param, writer)
          : quoteIdentifier(param, writer.platform);
    }
    text += pieces[index + 1] ?? '';
  }
  return text;
}

function writeValue(param: unknown, writer: Writer): string {
  if (isRaw(param)) {
    return write(param.sql, param.params, writer);
  }
  if (Array.isArray(param) && !(JsonProperty in param)) {
    return param.map((item: unknown) => writeValue(item, writer)).join(', ');
  }
  return writer.value(toParameter(param, writer.platform));
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
