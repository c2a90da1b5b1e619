import type { BoundConnection } from '#database/bound-connection.ts';
import { DatabaseError } from '#database/database-error.ts';
import { tokenize } from '#sql/statement-tokens.ts';

/** Which indexes a concurrent build that was cut off may have left invalid. */
export interface BuiltIndex {
  /** Finds the table's oid by the parameter `name`. */
  readonly table: 'table' | 'index';
  /** As written, perhaps quoted and with its schema. */
  readonly name: string;
  /** The index that is made; undefined = the table's indexes are made anew. */
  readonly index: string | undefined;
}

const TABLE_OF = {
  table: 'to_regclass(?)',
  index: '(select indrelid from pg_index where indexrelid = to_regclass(?))',
} as const;

const NAMES = `select format('%I.%I', n.nspname, c.relname) as "name"
  from pg_index i
    join pg_class c on c.oid = i.indexrelid
    join pg_namespace n on n.oid = c.relnamespace
  where`;
/** PostgreSQL cuts names that are too long, and so does the cast. */
const NAMED = 'c.relname = ?::name';
/** How REINDEX CONCURRENTLY calls what it makes and what it replaces. */
const TRANSIENT = `c.relname ~ '_cc(new|old)[0-9]*$'`;

/** The index that a statement builds concurrently; undefined when it builds none. */
export function builtIndex(sql: string): BuiltIndex | undefined {
  const tokens = tokenize(sql);
  if (tokens[0] === 'reindex' && tokens.includes('concurrently')) {
    const at = tokens.findIndex((token) => token === 'index' || token === 'table');
    const table = tokens[at] === 'index' ? 'index' : 'table';
    const start = tokens[at + 1] === 'concurrently' ? at + 2 : at + 1;
    return at === -1 ? undefined : { table, name: nameAt(tokens, start), index: undefined };
  }
  const at = tokens.indexOf('concurrently');
  if (tokens[0] !== 'create' || tokens[at - 1] !== 'index') {
    return undefined;
  }
  const on = tokens.indexOf('on', at);
  const start = tokens[on + 1] === 'only' ? on + 2 : on + 1;
  return { table: 'table', name: nameAt(tokens, start), index: unquoted(tokens[on - 1] ?? '') };
}

/**
 * Drops what an earlier run of the statement left invalid. Such an index serves no query, costs every write, and
 * `if not exists` would take it for done.
 */
export async function dropInvalid(connection: BoundConnection, built: BuiltIndex): Promise<void> {
  const { table, name, index } = built;
  const rows = await connection.execute<{ name: string }[]>(
    `${NAMES} i.indrelid = ${TABLE_OF[table]} and not i.indisvalid
       and ${index === undefined ? TRANSIENT : NAMED}`,
    index === undefined ? [name] : [name, index],
  );
  for (const row of rows) {
    await connection.execute(`drop index concurrently if exists ${row.name}`);
  }
}

/**
 * Throws unless the index is there and serves queries.
 *
 * @throws DatabaseError `DB_SCHEMA` when something else has its name, which `if not exists` is content with
 */
export async function assertValid(connection: BoundConnection, built: BuiltIndex): Promise<void> {
  if (built.index === undefined) {
    return;
  }
  const rows = await connection.execute<unknown[]>(
    `${NAMES} i.indrelid = ${TABLE_OF[built.table]} and i.indisvalid and ${NAMED}`,
    [built.name, built.index],
  );
  if (rows.length === 0) {
    throw new DatabaseError(
      'DB_SCHEMA',
      `index ${built.index} was not built: the name belongs to something else in this schema`,
    );
  }
}

/** A name with or without its schema, as PostgreSQL reads it back. */
function nameAt(tokens: readonly string[], start: number): string {
  return tokens.slice(start, tokens[start + 1] === '.' ? start + 3 : start + 1).join('');
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
