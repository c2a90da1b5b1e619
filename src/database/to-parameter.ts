import { JsonProperty } from '@mikro-orm/core';
import { DatabaseError } from './database-error.ts';

/** What pg sends as it is. */
export type Parameter = string | number | boolean | Buffer | null;

/** How dates are written. */
export interface DateFormat {
  formatDate(date: Date): string;
}

/**
 * What pg can send without changing it; anything else is refused rather than guessed.
 *
 * @throws DatabaseError `DB_UNBINDABLE_VALUE` for a value no parameter can carry, `DB_INVALID_TEXT` for a string that
 * UTF-8 cannot express
 */
export function toParameter(value: unknown, dates: DateFormat): Parameter {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) {
        throw new DatabaseError(
          'DB_INVALID_TEXT',
          'a string holds half of a surrogate pair, which UTF-8 cannot express',
        );
      }
      return value;
    case 'boolean':
      return value;
    case 'number':
      // pg writes it as JavaScript does, which drops the sign.
      return Object.is(value, -0) ? '-0' : value;
    case 'bigint':
      return value.toString();
    case 'object':
      return objectToParameter(value, dates);
    default:
      throw new DatabaseError(
        'DB_UNBINDABLE_VALUE',
        `a value of type ${typeof value} cannot be a parameter`,
      );
  }
}

function objectToParameter(value: object | null, dates: DateFormat): Parameter {
  if (value === null || Buffer.isBuffer(value)) {
    return value;
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) {
      throw new DatabaseError('DB_UNBINDABLE_VALUE', 'an invalid date cannot be a parameter');
    }
    return dates.formatDate(value);
  }
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  if (isJson(value)) {
    return toParameter(JSON.stringify(value), dates);
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

/** Names what a value is without showing it. */
export function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return typeof value;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const constructor: unknown = prototype === null ? undefined : Reflect.get(value, 'constructor');
  return typeof constructor === 'function' ? constructor.name : 'object';
}

/** A list as the text of a PostgreSQL array, to the last character. */
export function toArrayLiteral(values: readonly unknown[], dates: DateFormat): string {
  const items = values.map((value) => {
    if (Array.isArray(value)) {
      return toArrayLiteral(value, dates);
    }
    const item = value === undefined ? null : toParameter(value, dates);
    if (item === null) {
      return 'NULL';
    }
    const text = Buffer.isBuffer(item) ? String.raw`\x${item.toString('hex')}` : String(item);
    return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  });
  return `{${items.join(',')}}`;
}

/** What any statement may send, those that kysely builds included: a list there is an array, a date is UTC. */
export function toSentValue(value: unknown): Parameter {
  return Array.isArray(value) ? toArrayLiteral(value, UTC) : toParameter(value, UTC);
}

const UTC: DateFormat = { formatDate: (date) => date.toISOString() };
