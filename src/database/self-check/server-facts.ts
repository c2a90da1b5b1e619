import { MIGRATIONS_TABLE } from '#database/migrations/migration-records.ts';
import type { Ask } from '#database/ask.ts';
import { DatabaseError } from '#database/database-error.ts';
import { majorOf, OLDEST_MAJOR } from './supported-versions.ts';

/** What a server says of itself and of the role that asks. */
export interface ServerFacts {
  readonly version: string;
  /** As `server_version_num`: 180004 is 18.4. */
  readonly versionNumber: number;
  readonly isInRecovery: boolean;
  /** Of the session, by the server's names, in the server's base units; absent where the server does not know the name. */
  readonly settings: Readonly<Record<string, string>>;
  readonly database: DatabaseFacts;
  readonly role: RoleFacts;
  readonly statementStatistics: { readonly isLoaded: boolean; readonly isInstalled: boolean };
  /** `tidegauge.host_figures()`, as far as our role may call it. */
  readonly hasHostFigures: boolean;
}

/** The database we are connected to. */
export interface DatabaseFacts {
  /** Quoted where a statement needs it. */
  readonly name: string;
  readonly encoding: string;
  /** -1 = none. */
  readonly connectionLimit: number;
  /** Undefined where the provider of the collation tells none. */
  readonly collationVersion: string | undefined;
  readonly actualCollationVersion: string | undefined;
}

/** The role we are logged in as. */
export interface RoleFacts {
  /** Quoted where a statement needs it. */
  readonly name: string;
  readonly isSuperuser: boolean;
  /** Those beyond LOGIN, in the server's words: `CREATEDB`. */
  readonly attributes: readonly string[];
  /** -1 = none; a superuser is not held to it. */
  readonly connectionLimit: number;
  /** Until the password expires; undefined = never. Negative once it has. */
  readonly passwordSecondsLeft: number | undefined;
  /** When it expires, ISO 8601. */
  readonly passwordExpiresAt: string | undefined;
  /** Tables whose owner it is, or acts as. */
  readonly ownedTables: number;
  /** Tables that it may change. */
  readonly writableTables: number;
  /** The first of its search path; empty when there is none. Quoted. */
  readonly schema: string;
  readonly mayCreateInSchema: boolean;
  readonly mayCreateInDatabase: boolean;
  readonly mayCreateTemporary: boolean;
  readonly seesAllSessions: boolean;
  /** True where there is no such table yet. */
  readonly readsMigrations: boolean;
}

const SETTINGS = [
  'TimeZone',
  'client_connection_check_interval',
  'data_checksums',
  'fsync',
  'full_page_writes',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'lock_timeout',
  'log_error_verbosity',
  'log_min_duration_sample',
  'log_min_duration_statement',
  'log_parameter_max_length',
  'log_parameter_max_length_on_error',
  'log_statement',
  'log_transaction_sample_rate',
  'max_connections',
  'reserved_connections',
  'standard_conforming_strings',
  'statement_timeout',
  'superuser_reserved_connections',
  'synchronous_commit',
  'tcp_keepalives_idle',
  'track_activities',
  'transaction_timeout',
];

const VERSION = `select current_setting('server_version') as version,
  current_setting('server_version_num')::int as "versionNumber"`;

// Catalogs and memory alone, in one row; tables of other schemas are looked at by their catalog rows.
const FACTS = `
  with setting as (
    select array_agg(name order by name) as names, array_agg(setting order by name) as values
    from pg_catalog.pg_settings where name in (${SETTINGS.map((name) => `'${name}'`).join(', ')})
  ), owned as (
    select count(*) filter (where pg_has_role(c.relowner, 'USAGE'))::int as "ownedTables",
      count(*) filter (where has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))::int as "writableTables"
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
  )
  select pg_is_in_recovery() as "isInRecovery", setting.names, setting.values, owned.*,
    quote_ident(d.datname) as database, pg_encoding_to_char(d.encoding)::text as encoding, d.datconnlimit as "databaseLimit",
    d.datcollversion as "collationVersion",
    pg_database_collation_actual_version(d.oid) as "actualCollationVersion",
    quote_ident(r.rolname) as name, r.rolsuper as "isSuperuser", r.rolconnlimit as "roleLimit",
    array_remove(array[
      case when r.rolcreaterole then 'CREATEROLE' end, case when r.rolcreatedb then 'CREATEDB' end,
      case when r.rolreplication then 'REPLICATION' end, case when r.rolbypassrls then 'BYPASSRLS' end
    ], null)::text[] as attributes,
    case when isfinite(r.rolvaliduntil) then extract(epoch from r.rolvaliduntil - now())::float8
    end as "passwordSecondsLeft",
    case when isfinite(r.rolvaliduntil)
      then to_char(r.rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    end as "passwordExpiresAt",
    coalesce(quote_ident(current_schema()), '') as schema,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) as "mayCreateInSchema",
    has_database_privilege(d.oid, 'CREATE') as "mayCreateInDatabase",
    has_database_privilege(d.oid, 'TEMPORARY') as "mayCreateTemporary",
    pg_has_role('pg_read_all_stats', 'USAGE') as "seesAllSessions",
    coalesce(has_table_privilege(to_regclass('${MIGRATIONS_TABLE}'), 'SELECT'), true) as "readsMigrations",
    current_setting('pg_stat_statements.max', true) is not null as "isLoaded",
    exists(select from pg_catalog.pg_extension where extname = 'pg_stat_statements') as "isInstalled",
    exists(
      select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'tidegauge' and p.proname = 'host_figures' and p.pronargs = 0
        and has_schema_privilege(n.oid, 'USAGE') and has_function_privilege(p.oid, 'EXECUTE')
    ) as "hasHostFigures"
  from setting, owned, pg_catalog.pg_database d, pg_catalog.pg_roles r
  where d.datname = current_database() and r.rolname = current_user`;

type FactsRow = Pick<ServerFacts, 'isInRecovery' | 'hasHostFigures'> &
  Pick<DatabaseFacts, 'encoding'> &
  Omit<RoleFacts, 'connectionLimit' | 'passwordSecondsLeft' | 'passwordExpiresAt'> &
  ServerFacts['statementStatistics'] & {
    readonly names: readonly string[];
    readonly values: readonly (string | null)[];
    readonly database: string;
    readonly databaseLimit: number;
    readonly roleLimit: number;
    readonly collationVersion: string | null;
    readonly actualCollationVersion: string | null;
    readonly passwordSecondsLeft: number | null;
    readonly passwordExpiresAt: string | null;
  };

/** Version of a server; the first question, since older ones do not know the words of the second. */
export interface ServerVersion extends Pick<ServerFacts, 'version' | 'versionNumber'> {
  /** Absent for a server that is too old to be asked more. */
  readonly facts?: ServerFacts;
}

/**
 * Asks a server what the self-check judges: two questions, which read catalogs alone.
 *
 * @throws what `ask` throws
 */
export async function readServerFacts(ask: Ask): Promise<ServerVersion> {
  const [version] = await ask<Pick<ServerFacts, 'version' | 'versionNumber'>>(VERSION);
  if (version === undefined) throw noRow();
  if (majorOf(version.versionNumber) < OLDEST_MAJOR) return version;
  const [row] = await ask<FactsRow>(FACTS);
  if (row === undefined) throw noRow();
  return { ...version, facts: { ...version, ...factsOf(row) } };
}

function factsOf(row: FactsRow): Omit<ServerFacts, 'version' | 'versionNumber'> {
  return {
    isInRecovery: row.isInRecovery,
    settings: Object.fromEntries(row.names.map((name, index) => [name, row.values[index] ?? ''])),
    database: {
      name: row.database,
      encoding: row.encoding,
      connectionLimit: row.databaseLimit,
      collationVersion: row.collationVersion ?? undefined,
      actualCollationVersion: row.actualCollationVersion ?? undefined,
    },
    role: {
      name: row.name,
      isSuperuser: row.isSuperuser,
      attributes: row.attributes,
      connectionLimit: row.roleLimit,
      passwordSecondsLeft: row.passwordSecondsLeft ?? undefined,
      passwordExpiresAt: row.passwordExpiresAt ?? undefined,
      ownedTables: row.ownedTables,
      writableTables: row.writableTables,
      schema: row.schema,
      mayCreateInSchema: row.mayCreateInSchema,
      mayCreateInDatabase: row.mayCreateInDatabase,
      mayCreateTemporary: row.mayCreateTemporary,
      seesAllSessions: row.seesAllSessions,
      readsMigrations: row.readsMigrations,
    },
    statementStatistics: { isLoaded: row.isLoaded, isInstalled: row.isInstalled },
    hasHostFigures: row.hasHostFigures,
  };
}

function noRow(): DatabaseError {
  return new DatabaseError('DB_UNAVAILABLE', 'bug: the server answered without a row');
}
