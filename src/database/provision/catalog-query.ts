/** Reads a `CatalogState` as JSON, with `pg_catalog` as search path. $1: names of the roles, $2: the owner's, $3: guarded functions of the server. */
export const CATALOG_QUERY = `
  select jsonb_build_object(
    'major', current_setting('server_version_num')::int / 10000,
    'administrator', (
      select jsonb_build_object('name', rolname, 'isSuperuser', rolsuper) from pg_roles where rolname = current_user
    ),
    'database', (
      select jsonb_build_object('name', d.datname, 'owner', pg_get_userbyid(d.datdba),
        'acl', ${acl("coalesce(d.datacl, acldefault('d', d.datdba))")})
      from pg_database d where d.datname = current_database()
    ),
    'roles', ${rows(`
      jsonb_build_object('name', r.rolname, 'isSuperuser', r.rolsuper, 'connectionLimit', r.rolconnlimit,
        'attributes', jsonb_build_object('LOGIN', r.rolcanlogin, 'INHERIT', r.rolinherit, 'CREATEDB', r.rolcreatedb,
          'CREATEROLE', r.rolcreaterole, 'REPLICATION', r.rolreplication, 'BYPASSRLS', r.rolbypassrls),
        'settings', ${settingsOf('0')},
        'databaseSettings', ${settingsOf('(select oid from pg_database where datname = current_database())')})
      order by r.rolname`)}
      from pg_roles r where r.rolname = any($1)),
    'memberships', ${rows(`
      jsonb_build_object('member', m.rolname, 'role', r.rolname, 'isSuperuser', r.rolsuper)
      order by m.rolname, r.rolname`)}
      from (select distinct member, roleid from pg_auth_members) a
      join pg_roles m on m.oid = a.member join pg_roles r on r.oid = a.roleid
      where m.rolname = any($1)),
    'schemas', ${rows(`
      jsonb_build_object('name', n.nspname, 'owner', pg_get_userbyid(n.nspowner),
        'comment', obj_description(n.oid, 'pg_namespace'),
        'acl', ${acl("coalesce(n.nspacl, acldefault('n', n.nspowner))")})
      order by n.nspname`)}
      from pg_namespace n where n.nspname in ('public', 'tidegauge')),
    'relations', ${rows(`
      jsonb_build_object('name', c.relname, 'kind', c.relkind, 'owner', pg_get_userbyid(c.relowner),
        'sequenceOf', (
          select t.relname from pg_depend d join pg_class t on t.oid = d.refobjid
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
            and c.relkind = 'S' and d.deptype in ('a', 'i') limit 1),
        'acl', ${acl("coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::\"char\", c.relowner))")},
        'columns', ${rows(`
          jsonb_build_object('column', t.attname, ${grant('a')}) order by t.attname, a.grantee, a.privilege_type`)}
          from pg_attribute t, aclexplode(t.attacl) a
          where t.attrelid = c.oid and t.attacl is not null and not t.attisdropped))
      order by c.relname`)}
      from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        and ${notOfExtension('pg_class', 'c')}),
    'functions', ${rows(`
      jsonb_build_object('schema', n.nspname, 'name', p.proname,
        'signature', p.oid::regprocedure::text, 'owner', pg_get_userbyid(p.proowner),
        'acl', ${acl("coalesce(p.proacl, acldefault('f', p.proowner))")})
      order by n.nspname, p.proname, p.oid`)}
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where (n.nspname in ('public', 'tidegauge') and ${notOfExtension('pg_proc', 'p')})
        or (n.nspname = 'pg_catalog' and p.proname = any($3))),
    'lacksStatementStatistics', exists (
      select from pg_available_extensions where name = 'pg_stat_statements' and installed_version is null),
    'defaults', ${rows(`
      jsonb_build_object('schema', n.nspname, 'kind', d.defaclobjtype, 'acl', ${acl('d.defaclacl')})
      order by n.nspname, d.defaclobjtype`)}
      from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
      where d.defaclrole = (select oid from pg_roles where rolname = $2))
  ) as state`;

/** What the server keeps of the roles' passwords; only a superuser may ask. $1: names of the roles. */
export const PASSWORDS_QUERY = 'select rolname, rolpassword from pg_authid where rolname = any($1)';

/** An array of what follows, with its `order by`; the caller adds `from …)`. */
function rows(what: string): string {
  return `(select coalesce(jsonb_agg(${what}), '[]')`;
}

function grant(alias: string): string {
  return `'grantee', case ${alias}.grantee when 0 then '' else pg_get_userbyid(${alias}.grantee)::text end,
    'privilege', ${alias}.privilege_type, 'isGrantable', ${alias}.is_grantable`;
}

function acl(items: string): string {
  return `${rows(`jsonb_build_object(${grant('g')}) order by g.grantee, g.privilege_type`)} from aclexplode(${items}) g)`;
}

function settingsOf(database: string): string {
  return `(select coalesce(jsonb_agg(s order by s), '[]') from pg_db_role_setting, unnest(setconfig) s
    where setrole = r.oid and setdatabase = ${database})`;
}

function notOfExtension(catalog: string, alias: string): string {
  return `not exists (select from pg_depend e where e.classid = '${catalog}'::regclass and e.objid = ${alias}.oid
    and e.deptype = 'e')`;
}
