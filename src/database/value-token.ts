import { randomBytes } from 'node:crypto';
import { DatabaseError } from './database-error.ts';
import type { Parameter } from './to-parameter.ts';

/** A value on its way through text. */
export interface ValueToken {
  readonly text: string;
  readonly value: Exclude<Parameter, null>;
}

// Random, so that no text of anybody's can look like one.
const MARK = `tidegauge_${randomBytes(8).toString('hex')}_`;
const TOKEN = new RegExp(`${MARK}([snbx])([0-9a-f]*)_`, 'y');

/**
 * Writes a value so that it survives in the text of a statement until that is bound. MikroORM turns fragments with
 * values (raw ones in select, where and order, sub-queries) into text long before it hands the statement over; what
 * it splices in for a value is this token, and never the value itself. Lower case, digits and underscores only:
 * nothing on the way takes it apart.
 */
export function writeValueToken(value: Parameter): string {
  if (value === null) {
    return 'null';
  }
  if (typeof value === 'string') {
    return token('s', Buffer.from(value));
  }
  if (typeof value === 'object') {
    return token('x', value);
  }
  return token(typeof value === 'number' ? 'n' : 'b', Buffer.from(String(value)));
}

/** Whether a text carries values at all. */
export function hasValueToken(sql: string): boolean {
  return sql.includes(MARK);
}

/** The token that starts at `at`, if one does. */
export function readValueToken(sql: string, at: number): ValueToken | undefined {
  TOKEN.lastIndex = at;
  const [text, kind, hex = ''] = TOKEN.exec(sql) ?? [];
  if (text === undefined) {
    return undefined;
  }
  const bytes = Buffer.from(hex, 'hex');
  switch (kind) {
    case 's':
      return { text, value: bytes.toString() };
    case 'x':
      return { text, value: bytes };
    case 'n':
      return { text, value: Number(bytes.toString()) };
    default:
      return { text, value: bytes.toString() === 'true' };
  }
}

/**
 * Refuses a text in which a token is left, as one inside quotes would be.
 *
 * @throws DatabaseError `DB_UNBINDABLE_VALUE`
 */
export function assertNoValueToken(sql: string): void {
  if (hasValueToken(sql)) {
    throw new DatabaseError(
      'DB_UNBINDABLE_VALUE',
      'a value stands inside quotes or a comment: a placeholder is a value by itself',
    );
  }
}

function token(kind: 's' | 'n' | 'b' | 'x', bytes: Buffer): string {
  return `${MARK}${kind}${bytes.toString('hex')}_`;
}
