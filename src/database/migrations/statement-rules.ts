import { beginsOrEnds } from '#database/begins-or-ends.ts';
import { DatabaseError } from '#database/database-error.ts';
import { tokenize } from '#sql/statement-tokens.ts';

// All of these are matched against statements in lower case with single blanks, whose quoted names are `"`.
/** What PostgreSQL refuses in a transaction. */
const OUTSIDE_ONLY = [
  /^create (?:unique )?index concurrently\b/,
  /^drop index concurrently\b/,
  /^reindex (?:\( .*?\) )?(?:(?:index|table) concurrently|schema|database|system)\b/,
  /^reindex \( [^)]*\bconcurrently\b/,
  /^(?:vacuum|alter system|drop database|drop tablespace)\b/,
];

/** What PostgreSQL refuses in a transaction and cannot repeat outside of one, with what to do. */
const NOWHERE = [
  {
    pattern: /^alter table .* detach partition .* concurrently$/,
    advice:
      'write it without `concurrently`, in a migration with a transaction: it gives up after the lock timeout and is tried again',
  },
  {
    pattern: /^create (?:database|tablespace)\b/,
    advice: 'it is for whoever runs the server',
  },
];

/** What may run again after it has run, wholly or in part. */
const REPEATABLE = [
  /^create (?:unique )?index concurrently if not exists\b/,
  /^create (?:(?!index|unique)\w+ )+if not exists\b/,
  /^create or replace\b/,
  /^drop (?:\w+ )+if exists\b/,
  /^alter type .* add value if not exists\b/,
  /^(?:reindex|vacuum|analyze|refresh materialized view|comment on|grant|revoke|set|reset|alter system)\b/,
];

/** The same of one of the comma-separated actions of ALTER TABLE. */
const REPEATABLE_ACTION =
  /(?:^| )(?:add column if not exists|drop column if exists|drop constraint if exists|validate constraint)\b/;

/**
 * Throws when one of a migration's statements cannot be in its transaction.
 *
 * @throws DatabaseError `CONFIG_INVALID` with the place of the statement and what to do
 */
export function assertTransactional(migration: string, statements: readonly string[]): void {
  refuseIf(migration, statements, (list) =>
    list.some(beginsOrEnds)
      ? 'begins or ends a transaction, which is done for it'
      : list.some((text) => OUTSIDE_ONLY.some((pattern) => pattern.test(text)))
        ? 'cannot be in a transaction: give it a migration of its own that says `override isTransactional(): boolean { return false; }`'
        : undefined,
  );
}

/**
 * Throws when one of the statements of a migration without a transaction is not safe to repeat: when the migration is
 * cut off it has done a part, and runs again from its beginning.
 *
 * @throws DatabaseError `CONFIG_INVALID` with the place of the statement and what to do
 */
export function assertRepeatable(migration: string, statements: readonly string[]): void {
  refuseIf(migration, statements, ([first = '', ...more]) =>
    more.length > 0
      ? 'is more than one, which the server would make a transaction of: write an addSql for each'
      : isRepeatable(first)
        ? undefined
        : 'is not safe to repeat, and a migration without a transaction is repeated when it was cut off: write `if not exists` or `if exists`, or move it to a migration with a transaction',
  );
}

function faultNowhere(parts: readonly string[]): string | undefined {
  const found = NOWHERE.find(({ pattern }) => parts.some((text) => pattern.test(text)));
  return found && `can be in no migration: ${found.advice}`;
}

function isRepeatable(text: string): boolean {
  return text.startsWith('alter table ')
    ? splitAtTop(text.split(' '), ',').every((action) => REPEATABLE_ACTION.test(action))
    : REPEATABLE.some((pattern) => pattern.test(text));
}

function refuseIf(
  migration: string,
  statements: readonly string[],
  faultOf: (parts: readonly string[]) => string | undefined,
): void {
  for (const [index, sql] of statements.entries()) {
    const parts = normalized(sql);
    const fault = faultNowhere(parts) ?? faultOf(parts);
    if (fault !== undefined) {
      throw new DatabaseError(
        'CONFIG_INVALID',
        `${migration}: statement ${index + 1} ${fault}; nothing of it was applied`,
      );
    }
  }
}

/** The statements of a text. The body of a function in standard SQL has semicolons of its own. */
function normalized(sql: string): string[] {
  const tokens = tokenize(sql).map((token) => (token.startsWith('"') ? '"' : token));
  return / begin atomic /.test(tokens.join(' ')) ? [tokens.join(' ')] : splitAtTop(tokens, ';');
}

/** Joins tokens by blanks, those between separators that are in no brackets. Empty parts are left out. */
function splitAtTop(tokens: readonly string[], separator: string): string[] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    depth += token === '(' ? 1 : token === ')' ? -1 : 0;
    if (token === separator && depth === 0) {
      parts.push([]);
    } else {
      parts.at(-1)?.push(token);
    }
  }
  return parts.filter((part) => part.length > 0).map((part) => part.join(' '));
}
