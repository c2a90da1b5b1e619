import { HARMLESS_FUNCTIONS } from './harmless-functions.ts';
import { LITERAL_TOKEN, tokenize, UNCLEAR_TOKEN } from '#sql/statement-tokens.ts';

// Longer ones are rare, and take longer to read than a reset takes: this many characters are read in about 2 ms.
const LENGTH_LIMIT = 65_536;

// What they begin and end is over with the transaction, or seen from its state.
const WITHOUT_EXPRESSIONS: ReadonlySet<string> = new Set(
  'begin start commit end rollback abort savepoint release show lock fetch move close'.split(' '),
);
const QUERIES: ReadonlySet<string> = new Set(
  'select insert update delete merge values table with ('.split(' '),
);

/** What stands before a parenthesis that is not one of a call: words that cannot name a function, and these phrases. */
const CLAUSES: ReadonlySet<string> = new Set([
  ...`all and any array as between bit case cast char character current_time current_timestamp dec decimal distinct else
  except exists float for from group having in intersect interval into lateral limit localtime localtimestamp not
  numeric offset on only or returning row select some then time timestamp treat union using values varchar when where`.split(
    /\s+/,
  ),
  'group by',
  'order by',
  'partition by',
  'grouping sets',
  'group by cube',
  'group by rollup',
  ') over',
  ') filter',
  'on conflict',
  'inner join',
  'left join',
  'right join',
  'full join',
  'outer join',
  'cross join',
  'bit varying',
  'character varying',
  'matched then insert',
  'as not materialized',
]);

/**
 * Whether a text may change what the next holder of the server session meets: settings, prepared statements, temporary
 * tables, locks, cursors, listeners. False only for one statement, read completely, that by itself leaves nothing
 * behind. What the schema adds to it (triggers, defaults, operators, functions that shadow PostgreSQL's) is not in its
 * text.
 */
export function mayChangeSession(text: string): boolean {
  if (text.length > LENGTH_LIMIT) {
    return true;
  }
  const tokens = tokenize(text);
  while (tokens.at(-1) === ';') {
    tokens.pop();
  }
  return tokens.includes(UNCLEAR_TOKEN) || tokens.includes(';') || !isHarmless(tokens);
}

function isHarmless(tokens: readonly string[]): boolean {
  const [first = ''] = tokens;
  switch (first) {
    case 'set':
      return isLocalSetting(tokens);
    case 'declare':
      return !tokens.includes('hold') && hasHarmlessParts(tokens);
    case 'explain':
      return isHarmlessQuery(explained(tokens));
    default:
      return WITHOUT_EXPRESSIONS.has(first) || isHarmlessQuery(tokens);
  }
}

/** `set local.name = …` is a setting of the session. */
function isLocalSetting([, scope = '', name = '']: readonly string[]): boolean {
  return ['local', 'transaction', 'constraints'].includes(scope) && isName(name);
}

/** The statement that an EXPLAIN is of; ANALYZE runs it. */
function explained(tokens: readonly string[]): readonly string[] {
  let at = 1;
  while (/^(?:analy[sz]e|verbose)$/.test(tokens[at] ?? '')) {
    at += 1;
  }
  const hasOptions = tokens[at] === '(' && !QUERIES.has(tokens[at + 1] ?? '');
  return tokens.slice(hasOptions ? tokens.indexOf(')', at) + 1 : at);
}

function isHarmlessQuery(tokens: readonly string[]): boolean {
  return QUERIES.has(tokens[0] ?? '') && hasHarmlessParts(tokens);
}

/** Whether nothing is called and nothing is made but what is known to be harmless. */
function hasHarmlessParts(tokens: readonly string[]): boolean {
  let depth = 0;
  let verbAt: number | undefined;
  return tokens.every((token, at) => {
    if (token === '(') {
      depth += 1;
      return isGrouping(tokens, at) || isHarmlessCall(tokens, at);
    }
    if (token === ')') {
      depth -= 1;
    }
    if (depth === 0 && token !== 'with' && QUERIES.has(token)) {
      verbAt ??= at;
    }
    return token !== 'into' || isTarget(tokens, at, verbAt);
  });
}

/** `insert into` and `merge into`, of the statement or of a part in parentheses; any other INTO makes a table. */
function isTarget(tokens: readonly string[], at: number, verbAt: number | undefined): boolean {
  const isWrite = tokens[at - 1] === 'insert' || tokens[at - 1] === 'merge';
  return isWrite && (at - 1 === verbAt || tokens[at - 2] === '(');
}

/** Whether a parenthesis belongs to a clause, a list, a type or an alias, so that nothing is called. */
function isGrouping(tokens: readonly string[], at: number): boolean {
  if (!isName(tokens[at - 1] ?? '')) {
    return true;
  }
  const nameAt = startOfName(tokens, at);
  const isClause = (words: number) => CLAUSES.has(phrase(tokens, at, words));
  return (
    (nameAt === at - 1 && [1, 2, 3].some(isClause)) ||
    /(?:^|\s)(?:as|into|with|with recursive|: :)$/.test(phrase(tokens, nameAt, 2))
  );
}

/** The words before a token. */
function phrase(tokens: readonly string[], at: number, words: number): string {
  return tokens.slice(Math.max(0, at - words), at).join(' ');
}

/** `f(`, `"f"(` and `pg_catalog.f(`; of other schemas the same names are other functions. */
function isHarmlessCall(tokens: readonly string[], at: number): boolean {
  const nameAt = startOfName(tokens, at);
  const [name = '', schema = 'pg_catalog'] = tokens
    .slice(nameAt, at)
    .filter((token) => token !== '.')
    .map(unquoted)
    .toReversed();
  return (
    nameAt >= at - 3 &&
    schema === 'pg_catalog' &&
    (HARMLESS_FUNCTIONS.has(name) || isLocalSetConfig(name, tokens.slice(at, at + 7)))
  );
}

/** What is set by `set_config($1, $2, true)` ends with the transaction. */
function isLocalSetConfig(name: string, args: readonly string[]): boolean {
  return (
    name === 'set_config' && args.join(' ') === `( ${LITERAL_TOKEN} , ${LITERAL_TOKEN} , true )`
  );
}

/** Where the name that ends before `at`, with all of its qualifiers, begins. */
function startOfName(tokens: readonly string[], at: number): number {
  let start = at - 1;
  while (tokens[start - 1] === '.' && isName(tokens[start - 2] ?? '')) {
    start -= 2;
  }
  return start;
}

function isName(token: string): boolean {
  return /^["\w\u0080-\uffff]/.test(token);
}

function unquoted(token: string): string {
  return token.startsWith('"') ? token.slice(1, -1) : token;
}
