/** A way to write, to lock out others or to get at the server's files: its name, and the statement. */
export type WriteWay = readonly [name: string, statement: string];

const ROW = `values (gen_random_uuid(), now(), now(), 1, 'somebody', 'Somebody')`;

/** Ways that PostgreSQL allows in a transaction. `OTHER` stands for the process id of somebody else's session. */
export const WRITE_WAYS: readonly WriteWay[] = [
  ['insert', `insert into users ${ROW}`],
  ['insert or update', `insert into users ${ROW} on conflict (id) do update set name = 'x'`],
  ['update', `update users set name = 'x'`],
  ['delete', 'delete from users'],
  ['truncate', 'truncate users cascade'],
  [
    'merge',
    'merge into users using teams on users.id = teams.id when matched then update set version = 2',
  ],
  ['a write in a query', 'with gone as (delete from users returning id) select * from gone'],
  ['a function that writes', 'select write_a_user()'],
  ['a procedure that writes', 'call write_users()'],
  ['do', `do $$ begin insert into users ${ROW}; end $$`],
  ['copy from a file', `copy users from 'users'`],
  ['copy from a program', `copy users from program 'true'`],
  ['copy to a file', `copy users to 'users'`],
  ['copy to a program', `copy users to program 'cat'`],
  ['select for update', 'select * from users for update'],
  ['select for share', 'select * from users for share'],
  ['select for key share', 'select * from users for key share'],
  ['select into', 'select * into copied from users'],
  ['create table', 'create table made (id int)'],
  ['create table as', 'create table made as select * from users'],
  ['create temporary table', 'create temp table made (id int)'],
  ['create unlogged table', 'create unlogged table made (id int)'],
  ['create view', 'create view made as select * from users'],
  ['create temporary view', 'create temp view made as select * from users'],
  ['create materialized view', 'create materialized view made as select * from users'],
  ['create sequence', 'create sequence made'],
  ['create index', 'create index made on users (name)'],
  ['create schema', 'create schema made'],
  ['create type', `create type made as enum ('one')`],
  ['create domain', 'create domain made as int'],
  ['create function', `create function made() returns int language sql as 'select 1'`],
  [
    'create temporary function',
    `create function pg_temp.made() returns int language sql as 'select 1'`,
  ],
  ['create procedure', `create procedure made() language sql as 'select 1'`],
  [
    'create trigger',
    'create trigger made before update on users execute function suppress_redundant_updates_trigger()',
  ],
  ['create rule', 'create rule made as on update to users do instead nothing'],
  ['create policy', 'create policy made on users'],
  ['create statistics', 'create statistics made on name, email from users'],
  ['create extension', 'create extension hstore'],
  ['create publication', 'create publication made'],
  [
    'create event trigger',
    'create event trigger made on ddl_command_start execute function refuse()',
  ],
  ['create foreign data wrapper', 'create foreign data wrapper made'],
  ['create role', 'create role made'],
  ['alter table', 'alter table users add column made int'],
  ['alter table owner', 'alter table users owner to current_user'],
  ['alter another role', 'alter role OWNER nologin'],
  ['alter database', 'alter database DATABASE set work_mem = 64'],
  ['drop table', 'drop table users cascade'],
  ['drop schema', 'drop schema public cascade'],
  ['comment', `comment on table users is 'mine'`],
  ['grant membership', 'grant OWNER to current_user'],
  ['nextval', `select nextval('numbers')`],
  ['setval', `select setval('numbers', 1)`],
  ['refresh materialized view', 'refresh materialized view shown'],
  ['reindex', 'reindex table users'],
  ['lo_create', 'select lo_create(0)'],
  ['lo_from_bytea', `select lo_from_bytea(0, 'x')`],
  ['lo_put', `select lo_put(1, 0, 'x')`],
  ['lo_import', `select lo_import('/etc/hostname')`],
  ['lo_export', `select lo_export(1, 'made')`],
  ['lo_unlink', 'select lo_unlink(1)'],
  ['a message in the log of changes', `select pg_logical_emit_message(false, 'x', 'x')`],
  ['a replication slot', `select pg_create_physical_replication_slot('made')`],
  ['an advisory lock', 'select pg_advisory_lock(1)'],
  ['an advisory lock of a transaction', 'select pg_try_advisory_xact_lock(1)'],
  ['to end the session of another', 'select pg_terminate_backend(OTHER)'],
  ['to cancel the statement of another', 'select pg_cancel_backend(OTHER)'],
  ['to read a file', `select pg_read_file('/etc/hostname')`],
  ['to list a folder', `select pg_ls_dir('/')`],
  ['to switch the log of changes', 'select pg_switch_wal()'],
  ['to reset statistics', 'select pg_stat_reset()'],
  ['to reload the configuration', 'select pg_reload_conf()'],
  ['to read passwords', 'select rolpassword from pg_authid'],
  ['to be another role', 'set role OWNER'],
  ['to be another session', 'set session authorization OWNER'],
  ['to switch triggers off', 'set session_replication_role = replica'],
  ['to lift the limit of temporary files', 'set temp_file_limit = -1'],
  ['checkpoint', 'checkpoint'],
];

/** Ways that PostgreSQL has in a transaction only. */
export const LOCK_WAYS: readonly WriteWay[] = [
  ['lock table', 'lock table users in access exclusive mode'],
  ['lock table against writers', 'lock table users in share mode'],
];

/** Ways that the server warns of and skips. */
export const SKIPPED_WAYS: readonly WriteWay[] = [
  ['grant', 'grant insert on users to current_user'],
  ['vacuum', 'vacuum users'],
  ['vacuum (full)', 'vacuum (full) users'],
  ['analyze', 'analyze users'],
];

/** Ways that stand alone. */
export const SINGLE_WAYS: readonly WriteWay[] = [
  ['alter system', 'alter system set work_mem = 64'],
  ['create database', 'create database made'],
  ['create tablespace', `create tablespace made location '/tmp'`],
  ['drop database', 'drop database postgres'],
  ['cluster', 'cluster users using users_pkey'],
  ['create index concurrently', 'create index concurrently made on users (name)'],
  ['reindex concurrently', 'reindex table concurrently users'],
];

/** What a session with rights of its own needs to be there for the ways above. */
export const WRITE_WAYS_SETUP: readonly string[] = [
  `create function write_a_user() returns void language sql begin atomic insert into users ${ROW}; end`,
  `create procedure write_users() language sql begin atomic insert into users ${ROW}; end`,
  'create function refuse() returns event_trigger language plpgsql as $$ begin end $$',
  'create sequence numbers',
  'create materialized view shown as select count(*) from users',
];
