import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoleKind } from '#database/provision/provision-request.ts';
import { withClient } from '#test/support/databases.ts';
import { rightsOf } from '#test/support/role-rights.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { newEmail } from '#test/support/api-rows.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
  await database.define('create table made_later (id serial primary key, note text)');
  await database.define(`create function touched() returns int language sql as 'select 1'`);
  await database.query(
    `insert into users (id, created_at, updated_at, email, name)
     values (gen_random_uuid(), now(), now(), $1, 'n')`,
    [newEmail()],
  );
});
afterAll(() => database.drop());

/** SQLSTATE of what a role is answered, `none` when it is done. */
async function answer(kind: RoleKind, statements: readonly string[]): Promise<string> {
  return await withClient({ ...database.address, ...database.roles[kind] }, async (client) => {
    try {
      for (const statement of statements) await client.query(statement);
      return 'none';
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  });
}

const EVERYTHING = 'SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER';
const TABLES = ['made_later', 'memberships', 'mikro_orm_migrations', 'teams', 'users'];

describe('the exact rights', () => {
  it('of the owner: tables and what is in their schema, nothing of the server', async () => {
    const { owned, ...rights } = await rightsOf(database, 'owner');

    expect(rights).toStrictEqual({
      attributes: ['LOGIN'],
      memberOf: [],
      onDatabase: ['CONNECT', 'TEMPORARY'],
      onPublic: ['USAGE', 'CREATE'],
      onTables: TABLES.map((table) => `${table}: ${EVERYTHING}`),
      onSequences: ['made_later_id_seq', 'mikro_orm_migrations_id_seq'].map(
        (sequence) => `${sequence}: SELECT UPDATE USAGE`,
      ),
    });
    expect(owned).toBeGreaterThan(0);
  });

  it('of the service: rows, those of tables that were made later included, and nothing to own', async () => {
    expect(await rightsOf(database, 'app')).toStrictEqual({
      attributes: ['LOGIN', 'INHERIT'],
      memberOf: ['pg_read_all_stats'],
      onDatabase: ['CONNECT'],
      onPublic: ['USAGE'],
      onTables: TABLES.map((table) =>
        table === 'mikro_orm_migrations'
          ? `${table}: SELECT`
          : `${table}: SELECT INSERT UPDATE DELETE`,
      ),
      onSequences: ['made_later_id_seq: USAGE'],
      owned: 0,
    });
  });

  it('of the reader: to read', async () => {
    expect(await rightsOf(database, 'reader')).toStrictEqual({
      attributes: ['LOGIN'],
      memberOf: [],
      onDatabase: ['CONNECT'],
      onPublic: ['USAGE'],
      onTables: TABLES.map((table) => `${table}: SELECT`),
      onSequences: [],
      owned: 0,
    });
  });

  it('give everybody else nothing but the name of the schema', async () => {
    const [everybody] = await database.query(`
      select has_database_privilege('public', current_database(), 'CONNECT') as "connects",
        has_database_privilege('public', current_database(), 'TEMPORARY') as "makesTables",
        has_schema_privilege('public', 'public', 'CREATE') as "creates",
        has_function_privilege('public', 'public.touched()', 'EXECUTE') as "calls",
        has_function_privilege('public', 'lo_create(oid)', 'EXECUTE') as "makesObjects"`);

    expect(everybody).toStrictEqual({
      connects: false,
      makesTables: false,
      creates: false,
      calls: false,
      makesObjects: false,
    });
  });
});

/** What a session does first that means harm. */
const ARMED = ['set default_transaction_read_only = off', 'set statement_timeout = 0'];
const COLUMNS = '(id, created_at, updated_at, email, name)';
const ROW = `(gen_random_uuid(), now(), now(), 'c4n4ry@example.com', 'n')`;
const WAYS_TO_WRITE: readonly (readonly [string, ...string[]])[] = [
  [`insert into users ${COLUMNS} values ${ROW}`],
  ['begin read write', `insert into users ${COLUMNS} values ${ROW}`],
  [`update users set name = 'x'`],
  ['delete from users'],
  ['truncate users'],
  ['select * from users for update'],
  ['begin read write', 'lock table users in exclusive mode'],
  ['merge into users u using (select 1) s on true when matched then delete'],
  [`with gone as (delete from users returning 1) select count(*) from gone`],
  ['select * into mine from users'],
  ['create table mine (id int)'],
  ['create temporary table mine (id int)'],
  ['create view mine as select 1'],
  ['create materialized view mine as select 1'],
  ['create sequence mine'],
  ['create type mine as (id int)'],
  ['create schema mine'],
  [`create function mine() returns int language sql as 'select 1'`],
  [`create function pg_temp.mine() returns int language sql as 'select 1'`],
  ['create index on users (name)'],
  [
    'create trigger t before update on users for each row execute function suppress_redundant_updates_trigger()',
  ],
  ['alter table users add column more int'],
  ['drop table users'],
  [`comment on table users is 'x'`],
  [`select nextval('made_later_id_seq')`],
  [`select setval('made_later_id_seq', 7)`],
  ['select lo_create(0)'],
  ['select lo_creat(-1)'],
  [`select lo_from_bytea(0, 'x')`],
  [`select lo_import('/etc/hostname')`],
  [`select pg_logical_emit_message(false, 'a', 'b')`],
  [`copy users from program 'echo'`],
  [`copy (select 1) to program 'cat'`],
  [`copy (select 1) to 'mine'`],
  ['copy users from stdin'],
  [`do $$ begin insert into users ${COLUMNS} values ${ROW}; end $$`],
  [`do $$ begin execute 'create temporary table mine (id int)'; end $$`],
  ['create role mine'],
  ['create database mine'],
  ['create extension pg_trgm'],
  ['select pg_advisory_lock(1)'],
  ['select pg_try_advisory_xact_lock(1)'],
  ['select touched()'],
  [
    `select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user and usename is not null`,
  ],
  ['alter system set work_mem = 1'],
  ['set temp_file_limit = -1'],
  ['set session_replication_role = replica'],
  ['set role postgres'],
  ['checkpoint'],
];

describe('the reader', () => {
  it.each(WAYS_TO_WRITE)('is refused: %s', async (...statements) => {
    expect(await answer('reader', [...ARMED, ...statements])).toMatch(/^42501$|^42704$|^22023$/);
  });

  it('has left nothing behind', async () => {
    const [left] = await database.query(`
      select (select count(*)::int from users) as users, (select count(*)::int from pg_largeobject_metadata) as objects,
        (select last_value::int from made_later_id_seq) as last`);

    expect(left).toStrictEqual({ users: 1, objects: 0, last: 1 });
  });

  it('may read, control of these', async () => {
    const statements = [...ARMED, 'select email from users', 'select * from mikro_orm_migrations'];

    expect(await answer('reader', statements)).toBe('none');
    const [insert] = [`insert into users ${COLUMNS} values ${ROW}`];
    expect(await answer('app', ['begin read write', insert, 'rollback'])).toBe('none');
  });

  it('is held to limits that it did not choose', async () => {
    const settings = await withClient(
      { ...database.address, ...database.roles.reader },
      async (client) =>
        (
          await client.query<{ name: string; setting: string }>(
            `select name, setting from pg_settings where name = any($1) order by name`,
            [
              [
                'default_transaction_read_only',
                'statement_timeout',
                'temp_file_limit',
                'search_path',
              ],
            ],
          )
        ).rows.map(({ name, setting }) => `${name}=${setting}`),
    );

    expect(settings).toStrictEqual([
      'default_transaction_read_only=on',
      'search_path=public',
      'statement_timeout=30000',
      'temp_file_limit=262144',
    ]);
  });

  it('ends a sort that needs more of the disk than it may', async () => {
    const sort = `set work_mem = '64kB'; select count(*) from (
      select repeat(md5(i::text), 40) as v from generate_series(1, 300000) i order by v offset 1) s`;

    expect(await answer('reader', [sort])).toBe('53400');
  });
});

describe('the role of the service', () => {
  it.each([
    ['create table mine (id int)'],
    ['create temporary table mine (id int)'],
    ['create schema mine'],
    [`create function mine() returns int language sql as 'select 1'`],
    ['create role mine'],
    ['create database mine'],
    ['alter table users add column more int'],
    ['drop table users'],
    ['truncate users'],
    [`insert into mikro_orm_migrations (name) values ('Migration20990101000000_mine')`],
    ['delete from mikro_orm_migrations'],
    [`select nextval('mikro_orm_migrations_id_seq')`],
    ['select lo_create(0)'],
    [`copy (select 1) to program 'cat'`],
  ])('can neither create nor own: %s', async (statement) => {
    expect(await answer('app', [...ARMED, statement])).toBe('42501');
  });

  it('writes rows, also of a table that was made later', async () => {
    const statements = [
      'begin read write',
      `insert into made_later (note) values ('n')`,
      `update made_later set note = 'm'`,
      'select touched()',
      'delete from made_later',
      'select pg_try_advisory_xact_lock(1)',
      'rollback',
    ];

    expect(await answer('app', statements)).toBe('none');
  });
});
