import type { TestDatabase } from './test-database.ts';
import type { TestRoles } from './test-roles.ts';
import type { RoleKind } from '#database/provision/provision-request.ts';

/** What the server says that a role is and may do, by its own functions. */
export interface RoleRights {
  readonly attributes: readonly string[];
  readonly memberOf: readonly string[];
  readonly onDatabase: readonly string[];
  readonly onPublic: readonly string[];
  /** `table: rights`, every right that PostgreSQL 15 knows. */
  readonly onTables: readonly string[];
  readonly onSequences: readonly string[];
  readonly owned: number;
}

const RIGHTS = `
  select
    array_remove(array[
      case when r.rolsuper then 'SUPERUSER' end, case when r.rolcanlogin then 'LOGIN' end,
      case when r.rolinherit then 'INHERIT' end, case when r.rolcreatedb then 'CREATEDB' end,
      case when r.rolcreaterole then 'CREATEROLE' end, case when r.rolreplication then 'REPLICATION' end,
      case when r.rolbypassrls then 'BYPASSRLS' end], null) as "attributes",
    array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
      where m.member = r.oid order by 1) as "memberOf",
    array(select p from unnest(array['CONNECT', 'CREATE', 'TEMPORARY']) p
      where has_database_privilege(r.oid, current_database(), p)) as "onDatabase",
    array(select p from unnest(array['USAGE', 'CREATE']) p
      where has_schema_privilege(r.oid, 'public', p)) as "onPublic",
    array(select c.relname || ': ' || string_agg(p, ' ' order by n)
      from pg_class c, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
        with ordinality as t (p, n)
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
        and (has_table_privilege(r.oid, c.oid, p)
          or (p in ('INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege(r.oid, c.oid, p)))
      group by c.relname order by c.relname) as "onTables",
    array(select c.relname || ': ' || string_agg(p, ' ' order by p)
      from pg_class c, unnest(array['SELECT', 'UPDATE', 'USAGE']) p
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'S' and has_sequence_privilege(r.oid, c.oid, p)
      group by c.relname order by c.relname) as "onSequences",
    ((select count(*) from pg_class where relowner = r.oid) + (select count(*) from pg_proc where proowner = r.oid)
      + (select count(*) from pg_namespace where nspowner = r.oid)
      + (select count(*) from pg_database where datdba = r.oid))::int as "owned"
  from pg_roles r where r.rolname = $1`;

/** Reads it as the administrator. */
export async function rightsOf(database: TestDatabase, kind: RoleKind): Promise<RoleRights> {
  const [rights] = await database.query<RoleRights & { [column: string]: unknown }>(RIGHTS, [
    database.roles[kind].user,
  ]);
  if (rights === undefined) throw new Error(`bug: there is no role for ${kind}`);
  return rights;
}

/**
 * Everything that provisioning of these roles could change, as text: of two runs, it is compared. Roles, unlike all else,
 * are the whole server's: those that other tests make meanwhile are left out.
 */
export async function accessDump(
  database: TestDatabase,
  ...roles: readonly TestRoles[]
): Promise<readonly string[]> {
  const rows = await database.query<{ line: string }>(
    `
    with ours as (select oid from pg_roles where rolname = any($1))
    select 'role ' || (to_jsonb(r) - 'rolpassword')::text || coalesce(a.rolpassword, '') as line
      from pg_roles r join pg_authid a on a.oid = r.oid where r.oid in (table ours)
    union all select 'member ' || to_jsonb(m)::text from pg_auth_members m
      where m.member in (table ours) or m.roleid in (table ours)
    union all select 'settings ' || to_jsonb(s)::text from pg_db_role_setting s 
      where s.setrole in (table ours) or s.setdatabase = (select oid from pg_database where datname = current_database())
    union all select 'database ' || datname || datdba || coalesce(datacl::text, '') from pg_database
      where datname = current_database()
    union all select 'schema ' || nspname || nspowner || coalesce(nspacl::text, '') from pg_namespace
    union all select 'relation ' || oid || relname || relowner || coalesce(relacl::text, '') from pg_class
    union all select 'column ' || attrelid || attname || attacl::text from pg_attribute where attacl is not null
    union all select 'function ' || oid || proowner || coalesce(proacl::text, '') from pg_proc
    union all select 'default ' || to_jsonb(d)::text from pg_default_acl d
    order by 1`,
    [roles.flatMap((set) => Object.values(set).map(({ user }) => user))],
  );
  return rows.map(({ line }) => line);
}
