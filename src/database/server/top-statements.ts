import { DatabaseError } from '#database/database-error.ts';
import type { ServerConnection } from './server-connection.ts';

/** One statement of a database, with whatever values, by whomever. Milliseconds; since the statistics began. */
export interface TopStatement {
  /** As in `pg_stat_statements`; undefined for statements of others that the role may not see, all of them together. */
  readonly queryId: string | undefined;
  /** Values are parameters in it, and literals are gone. */
  readonly sql: string;
  readonly calls: number;
  readonly rows: number;
  readonly totalMs: number;
  readonly meanMs: number;
  readonly maxMs: number;
  /** Of the time that all statements of the database took. */
  readonly share: number;
  /** Share of the blocks read that were in shared buffers; undefined when it read none. */
  readonly cacheHitShare: number | undefined;
}

/** Why statements cannot be listed. */
export type TopStatementsFault =
  | 'not_created'
  | 'not_loaded'
  | 'outdated'
  | 'refused'
  | 'failed'
  | 'pooler';

/** The statements that cost a server most, or why they are not known and what to do. */
export type TopStatementsReport =
  | {
      readonly state: 'available';
      /** ISO 8601: since when they are counted. */
      readonly since: string;
      readonly statements: readonly TopStatement[];
    }
  | {
      readonly state: 'unavailable';
      readonly fault: TopStatementsFault;
      readonly advice: string;
      /** None. */
      readonly statements: readonly TopStatement[];
    };

interface Extension {
  /** As it is to be written in a statement. */
  readonly schema: string;
  readonly isLoaded: boolean;
  readonly isRecent: boolean;
  readonly isGranted: boolean;
}

// The library's settings exist where it is loaded; what is loaded is not for everybody to see.
const EXTENSION = `
  select quote_ident(n.nspname) as schema, current_setting('pg_stat_statements.max', true) is not null as "isLoaded",
    string_to_array(x.extversion, '.')::int[] >= '{1,9}' as "isRecent",
    has_schema_privilege(n.oid, 'usage') and bool_and(has_table_privilege(c.oid, 'select')) as "isGranted"
  from pg_catalog.pg_extension as x
    join pg_catalog.pg_namespace as n on n.oid = x.extnamespace
    join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname like 'pg\\_stat\\_statements%'
  where x.extname = 'pg_stat_statements'
  group by n.oid, n.nspname, x.extversion`;

// Kept apart there by user, and by whether a function ran it: here a statement is one.
const topStatements = (schema: string) => `
  select extract(epoch from info.stats_reset)::float8 as "since", "queryId", sql, calls, rows, "totalMs", coalesce("totalMs" / nullif(calls, 0), 0) as "meanMs", "maxMs",
    coalesce("totalMs" / nullif("allMs", 0), 0) as share, hits / nullif(hits + reads, 0) as "cacheHitShare"
  from ${schema}.pg_stat_statements_info as info left join (
    select queryid::text as "queryId", left(min(query), 20000) as sql, sum(calls)::float8 as calls,
      sum(rows)::float8 as rows, sum(total_exec_time)::float8 as "totalMs", max(max_exec_time)::float8 as "maxMs",
      sum(shared_blks_hit)::float8 as hits, sum(shared_blks_read)::float8 as reads,
      (sum(sum(total_exec_time)) over ())::float8 as "allMs"
    from ${schema}.pg_stat_statements
    where dbid = (select oid from pg_catalog.pg_database where datname = current_database())
    group by queryid
    order by sum(total_exec_time) desc
    limit $1
  ) as top on true
  order by "totalMs" desc`;

interface StatementRow extends Omit<TopStatement, 'queryId' | 'cacheHitShare'> {
  readonly since: number;
  readonly queryId: string | null;
  readonly cacheHitShare: number | null;
}

/** Of a database without statements: since when there are none. */
interface EmptyRow {
  readonly since: number;
  readonly sql: null;
}

const ADVICE: Readonly<Record<Exclude<TopStatementsFault, 'failed'>, string>> = {
  not_created:
    'the database has no extension pg_stat_statements: npm run db:provision creates it, where the server has it',
  not_loaded:
    'the server does not load pg_stat_statements: add it to shared_preload_libraries and restart the server',
  outdated: 'run ALTER EXTENSION pg_stat_statements UPDATE in the database of the service',
  refused:
    'the role of the service may not read pg_stat_statements: npm run db:provision grants it the schema',
  pooler: 'there is a pooler before the server: set DATABASE_DIRECT_URL, so that it can be asked',
};

/** Nobody can be asked: there is a pooler between. */
export const BEHIND_POOLER = unavailable('pooler', ADVICE.pooler);

/**
 * The `limit` statements of a database that took most of the server's time, the longest first. `sanitize` makes of a
 * text what may leave the process: PostgreSQL leaves literals in statements such as ALTER ROLE. Never rejects, and
 * resolves within a second.
 */
export async function topStatementsOf(
  server: ServerConnection,
  limit: number,
  sanitize: (sql: string) => string,
): Promise<TopStatementsReport> {
  try {
    const [extension] = await server.ask<Extension>(EXTENSION);
    if (extension === undefined) {
      return unavailable('not_created', ADVICE.not_created);
    }
    const fault = faultOf(extension);
    if (fault !== undefined) {
      return unavailable(fault, ADVICE[fault]);
    }
    const { schema } = extension;
    const rows = await server.ask<StatementRow | EmptyRow>(topStatements(schema), [limit]);
    return {
      state: 'available',
      since: new Date(1000 * (rows[0]?.since ?? NaN)).toISOString(),
      statements: rows
        .filter((row) => row.sql !== null)
        .map(({ since: _since, queryId, sql, cacheHitShare, ...figures }) => ({
          ...figures,
          queryId: queryId ?? undefined,
          sql: sanitize(sql),
          cacheHitShare: cacheHitShare ?? undefined,
        })),
    };
  } catch (error) {
    if (error instanceof DatabaseError) return unavailable('failed', error.message);
    throw error;
  }
}

function faultOf({ isLoaded, isRecent, isGranted }: Extension) {
  if (!isLoaded) return 'not_loaded';
  if (!isRecent) return 'outdated';
  return isGranted ? undefined : 'refused';
}

function unavailable(fault: TopStatementsFault, advice: string): TopStatementsReport {
  return Object.freeze({ state: 'unavailable', fault, advice, statements: [] });
}
