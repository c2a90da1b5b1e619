import { tokenize } from './statement-tokens.ts';

// A list of columns is shorter; what comes behind this many characters is summed up without its table.
const READ_LIMIT = 16_384;
/** Characters of a summary at most. */
export const LENGTH_LIMIT = 255;

/** Commands that may name tables. */
const ON_TABLES: ReadonlySet<string> = new Set(
  'alter create declare delete drop explain insert lock merge select table truncate update values with'.split(
    ' ',
  ),
);
const OTHERS: ReadonlySet<string> = new Set(
  `abort analyze begin call checkpoint close cluster comment commit copy deallocate discard do end execute fetch grant
  import listen load move notify prepare reassign refresh reindex release reset revoke rollback savepoint security set
  show start unlisten vacuum`.split(/\s+/),
);
/** What a statement in parentheses begins with. */
export const QUERIES: ReadonlySet<string> = new Set(
  'delete insert merge select table update values with'.split(' '),
);
const TARGETS: ReadonlySet<string> = new Set(['into', 'table']);
/** Commands that a table follows at once, and what they follow; elsewhere they may be names of columns. */
const COMMANDS_ON: ReadonlySet<string> = new Set(['lock', 'truncate', 'update']);
const COMMAND_FOLLOWS: ReadonlySet<string> = new Set(['(', ')', 'analyze', 'explain', 'verbose']);
/** What may stand between the word that announces a table and its name. */
const SKIPPED: ReadonlySet<string> = new Set('( exists if lateral not only table'.split(' '));

/** What a statement does, and to which table first. Holds no literal and no value, ever. */
export interface StatementSummary {
  /** Its command in capitals; `OTHER` is one that PostgreSQL does not have. */
  readonly operation: string;
  readonly collection: string | undefined;
}

/** Sums a statement up; operation and collection have less than 255 characters together. */
export function summaryOf(text: string): StatementSummary {
  const tokens = readTokens(text);
  const command = tokens.find((token) => token !== '(') ?? '';
  const isOnTables = ON_TABLES.has(command);
  const operation = isOnTables || OTHERS.has(command) ? command.toUpperCase() : 'OTHER';
  const table = isOnTables ? firstTable(tokens) : undefined;
  return { operation, collection: table?.slice(0, LENGTH_LIMIT - operation.length - 1) };
}

/** The summary as one text: `SELECT users`, `INSERT app.orders`, `COMMIT`. */
export function summarize(text: string): string {
  const { operation, collection } = summaryOf(text);
  return collection === undefined ? operation : `${operation} ${collection}`;
}

/** The tokens of as much of a statement as is read for a summary. */
export function readTokens(text: string): readonly string[] {
  const tokens = tokenize(text.slice(0, READ_LIMIT));
  // The last token may be half of one.
  return text.length > READ_LIMIT ? tokens.slice(0, -1) : tokens;
}

function firstTable(tokens: readonly string[]): string | undefined {
  // Whether each open parenthesis holds a query: there is no table in `extract(year from born)`.
  const isQuery = [true];
  for (const [at, token] of tokens.entries()) {
    if (token === '(') {
      isQuery.push(QUERIES.has(tokens[at + 1] ?? ''));
    } else if (token === ')') {
      isQuery.pop();
    }
    const table = isQuery.at(-1) === true ? announcedTable(tokens, at) : undefined;
    if (table !== undefined) {
      return table;
    }
  }
  return undefined;
}

/** The table whose name follows this word. A subquery and a call of a function are none. */
export function announcedTable(tokens: readonly string[], at: number): string | undefined {
  const word = tokens[at] ?? '';
  const before = tokens[at - 1] ?? '(';
  const isSource = word === 'join' || (word === 'from' && before !== 'distinct');
  const isTarget = TARGETS.has(word) || (COMMANDS_ON.has(word) && COMMAND_FOLLOWS.has(before));
  if (!isSource && !isTarget) {
    return undefined;
  }
  return tableAt(tokens, at + 1, isSource);
}

/** The table that is named at this place. What a query reads from may be the call of a function, which is none. */
export function tableAt(
  tokens: readonly string[],
  at: number,
  isSource: boolean,
): string | undefined {
  let next = at;
  while (SKIPPED.has(tokens[next] ?? '')) {
    next += 1;
  }
  let name = '';
  while (isName(tokens[next] ?? '') && !QUERIES.has(tokens[next] ?? '')) {
    name += plain(tokens[next] ?? '');
    next += 1;
    if (tokens[next] !== '.') {
      return isSource && tokens[next] === '(' ? undefined : name;
    }
    name += '.';
    next += 1;
  }
  return undefined;
}

function isName(token: string): boolean {
  return /^["\w\u0080-\uffff]/.test(token);
}

/** Without the quotes that it does not need. */
function plain(name: string): string {
  return /^"[a-z_][a-z0-9_$]*"$/.test(name) ? name.slice(1, -1) : name;
}
