import {
  announcedTable,
  LENGTH_LIMIT,
  QUERIES,
  readTokens,
  summarize,
  tableAt,
} from './statement-summary.ts';

const DEFINITIONS: ReadonlySet<string> = new Set(['alter', 'create', 'drop']);
/** What may stand between `create` and the kind of what is created. */
const MODIFIERS: ReadonlySet<string> = new Set(
  'clustered global local or procedural recursive replace temp temporary trusted unique unlogged'.split(
    ' ',
  ),
);
const BEFORE_NAMES: ReadonlySet<string> = new Set('concurrently exists if not only'.split(' '));
/** Kinds of two words. */
const FIRST_OF_TWO: ReadonlySet<string> = new Set(
  'access event foreign materialized text'.split(' '),
);

/** Commands that may be names of columns, too, where they do not begin a query. */
const WRITES: ReadonlySet<string> = new Set(['delete', 'insert', 'merge', 'update']);
const BEFORE_WRITES: ReadonlySet<string> = new Set(['(', ')', 'analyze', 'explain', 'verbose']);
const SET_OPERATIONS: ReadonlySet<string> = new Set([
  'all',
  'distinct',
  'except',
  'intersect',
  'union',
]);
/** Commands that a list of tables follows. */
const ON_LISTS: ReadonlySet<string> = new Set(['lock', 'truncate']);
/** What ends a list of tables. */
const ENDS: ReadonlySet<string> = new Set(
  'except fetch for group having in intersect limit offset order returning select set union where window'.split(
    ' ',
  ),
);
const BEFORE_TABLES: ReadonlySet<string> = new Set(['from', 'join', 'lateral', 'only']);

/**
 * The summary of a statement by OpenTelemetry's rule: its commands and what they are on, in the order of the text.
 * `SELECT users teams`, `INSERT teams SELECT users`, `CREATE TABLE users`. Names that are not quoted are in lower case, as
 * PostgreSQL has them. Holds no literal, and at most 255 characters: what does not fit is left out, and all behind it.
 */
export function querySummary(text: string): string {
  const tokens = readTokens(text);
  const command = tokens.find((token) => token !== '(') ?? '';
  const summary = summarize(text);
  if (
    summary === 'OTHER' ||
    !(QUERIES.has(command) || DEFINITIONS.has(command) || summary.includes(' '))
  ) {
    return summary;
  }
  return fitting(DEFINITIONS.has(command) ? definition(tokens) : parts(tokens, command));
}

function fitting(words: readonly string[]): string {
  let summary = words[0] ?? '';
  for (const word of words.slice(1)) {
    if (summary.length + 1 + word.length > LENGTH_LIMIT) {
      break;
    }
    summary += ` ${word}`;
  }
  return summary;
}

function definition(tokens: readonly string[]): string[] {
  let at = 1;
  while (MODIFIERS.has(tokens[at] ?? '')) {
    at += 1;
  }
  const kindLength = FIRST_OF_TWO.has(tokens[at] ?? '') ? 2 : 1;
  const kind = tokens.slice(at, at + kindLength);
  at += kindLength;
  while (BEFORE_NAMES.has(tokens[at] ?? '')) {
    at += 1;
  }
  const name = tokens[at] === 'on' ? undefined : tableAt(tokens, at, false);
  return [
    ...[tokens[0] ?? '', ...kind].map((word) => word.toUpperCase()),
    ...(name === undefined ? [] : [name]),
  ];
}

function parts(tokens: readonly string[], command: string): string[] {
  const found: string[] =
    QUERIES.has(command) && command !== 'values' ? [] : [command.toUpperCase()];
  // Whether each open parenthesis holds a query or tables, and whether a list of tables is being read in it.
  const open = [{ isQuery: true, isListing: false }];
  for (const [at, token] of tokens.entries()) {
    const top = open.at(-1) ?? { isQuery: false, isListing: false };
    const before = tokens[at - 1] ?? '(';
    if (token === '(') {
      const isTables =
        top.isQuery && (BEFORE_TABLES.has(before) || (top.isListing && before === ','));
      const isQuery = QUERIES.has(tokens[at + 1] ?? '') || at === 0 || isTables;
      open.push({ isQuery, isListing: isTables });
    } else if (token === ')') {
      open.pop();
    } else if (top.isQuery) {
      if (isCommand(token, before)) {
        found.push(token.toUpperCase());
      }
      const table = tableOf(tokens, at, top.isListing);
      if (table !== undefined) {
        found.push(table);
      }
      top.isListing = beginsList(tokens, at) || (top.isListing && !ENDS.has(token));
    }
  }
  return found;
}

function isCommand(token: string, before: string): boolean {
  if (token === 'select') {
    return !SET_OPERATIONS.has(before);
  }
  return (
    (token === 'with' && before === '(') ||
    (token === 'table' && before === '(') ||
    (WRITES.has(token) && BEFORE_WRITES.has(before))
  );
}

/** Whether tables, with commas between them, follow this word. */
function beginsList(tokens: readonly string[], at: number): boolean {
  const token = tokens[at] ?? '';
  const before = tokens[at - 1] ?? '(';
  return (
    (token === 'from' && before !== 'distinct') ||
    (ON_LISTS.has(token) && BEFORE_WRITES.has(before)) ||
    isUsing(tokens, at)
  );
}

/** USING of DELETE and MERGE; that of a join has columns in parentheses, that of ORDER BY an operator. */
function isUsing(tokens: readonly string[], at: number): boolean {
  return tokens[at] === 'using' && /^["\w\u0080-\uffff]/.test(tokens[at + 1] ?? '');
}

function tableOf(tokens: readonly string[], at: number, isListing: boolean): string | undefined {
  const token = tokens[at] ?? '';
  if ((token === ',' && isListing) || isUsing(tokens, at)) {
    return tableAt(tokens, at + 1, true);
  }
  if (token === 'table' && ON_LISTS.has(tokens[at - 1] ?? '')) {
    return undefined;
  }
  return announcedTable(tokens, at);
}
