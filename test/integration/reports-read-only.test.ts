import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSettings } from '#config/parse-settings.ts';
import { reportingOptions } from '#database/reporting-options.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { createReader } from '#test/support/reader-role.ts';
import type { ReaderRole } from '#test/support/reader-role.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import {
  LOCK_WAYS,
  SINGLE_WAYS,
  SKIPPED_WAYS,
  WRITE_WAYS,
  WRITE_WAYS_SETUP,
} from '#test/support/write-ways.ts';

const NO_RIGHT = '42501';

let database: TestDatabase;
let reader: ReaderRole;
let service: TestService;
let single: pg.Client;
let other: number;
let before: unknown;

beforeAll(async () => {
  database = await TestDatabase.create();
  for (const statement of WRITE_WAYS_SETUP) {
    await database.query(statement);
  }
  reader = await createReader(database);
  service = await buildTestService({ database, env: { REPORTING_DATABASE_URL: reader.url } });
  const [holder] = await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'tidegauge/main' and datname = current_database() limit 1`,
  );
  other = holder?.pid ?? 0;
  single = new pg.Client({ ...reader.address, ssl: false });
  await single.connect();
  await single.query('set default_transaction_read_only = off');
  before = await state();
});

afterAll(async () => {
  await single.end();
  await service.close();
  await reader[Symbol.asyncDispose]();
  await database.drop();
});

const filled = (statement: string) =>
  statement
    .replaceAll('OTHER', String(other))
    .replaceAll('OWNER', `"${database.address.user}"`)
    .replaceAll('DATABASE', `"${database.address.database}"`);

/** What a write would have changed: rows, relations, routines, roles, large objects, rights. */
async function state(): Promise<unknown> {
  const [row] = await database.query(`select
    (select count(*) from users) as users,
    (select count(*) from pg_class where relnamespace not in ('pg_toast'::regnamespace)) as relations,
    (select count(*) from pg_proc) as routines, (select count(*) from pg_namespace) as schemas,
    (select count(*) from pg_roles where rolname = 'made') as roles,
    (select count(*) from pg_database where datname = 'made') as databases,
    (select count(*) from pg_largeobject_metadata) as objects, (select last_value from numbers) as number,
    (select relacl::text || relowner from pg_class where oid = 'users'::regclass) as rights,
    (select vacuum_count + analyze_count from pg_stat_user_tables where relname = 'users') as vacuums`);
  return row;
}

/** The SQLSTATE that a statement fails with, in no transaction and with every setting that stands in the way off. */
async function refusalOf(statement: string): Promise<string | undefined> {
  try {
    await single.query(filled(statement));
    return undefined;
  } catch (error) {
    return error instanceof pg.DatabaseError ? error.code : 'no answer';
  }
}

describe('S8: the role of reports has no right', () => {
  it.each([...WRITE_WAYS, ...LOCK_WAYS])(
    'to use %s in a session that says it writes',
    async (_name, statement) => {
      const failure = await failureOf(
        service.reporting.session((db) => db.execute(filled(statement))),
      );

      expect(failure).toMatchObject({ code: 'DB_PERMISSION', details: { sqlState: NO_RIGHT } });
    },
  );

  it.each([...WRITE_WAYS, ...SINGLE_WAYS])(
    'to use %s once no setting keeps it from it',
    async (_name, statement) => {
      expect(await refusalOf(statement)).toBe(NO_RIGHT);
    },
  );

  it.each(SKIPPED_WAYS)('to use %s, which the server skips', async (_name, statement) => {
    expect(await refusalOf(statement)).toBeUndefined();
  });

  it('and has changed nothing by all of that', async () => {
    expect(await state()).toEqual(before);
    await assertClean(service.reporting);
  });
});

describe('a session of the reporting pool', () => {
  it('is read-only before any right is asked for', async () => {
    const failure = await failureOf(
      service.reporting.session((db) => db.execute('delete from users'), { readOnly: true }),
    );

    expect(failure).toMatchObject({ code: 'DB_SESSION_READ_ONLY' });
  });

  it('reads', async () => {
    const rows = await service.reporting.session(
      (db) => db.execute('select current_user as role, count(*)::int as users from users'),
      { readOnly: true },
    );

    expect(rows).toEqual([{ role: reader.address.user, users: 0 }]);
  });

  it('cannot fill the disk with temporary files', async () => {
    const [limit] = await service.reporting.session(
      (db) =>
        db.execute<{ kilobytes: number }[]>(
          `select setting::int as kilobytes from pg_settings where name = 'temp_file_limit'`,
        ),
      { readOnly: true },
    );
    expect(limit?.kilobytes).toBeGreaterThan(0);
    const rows = Math.ceil((limit?.kilobytes ?? 0) * 1.2);

    const failure = await failureOf(
      service.reporting.session(
        (db) =>
          db.execute(
            `select max(place + row) from (
               select row, row_number() over (order by repeat('x', 1000) || row) as place
               from generate_series(1, ?::int) as row
             ) as sorted`,
            [rows],
          ),
        { readOnly: true },
      ),
    );

    expect(failure).toMatchObject({ details: { sqlState: '53400' } });
  });

  it('ends a statement that takes too long', async () => {
    const { settings } = parseSettings({ DATABASE_URL: database.url });
    await using sessions = new DatabaseSessionManager();
    await sessions.init(reportingOptions(settings.database, reader.connection, 300));

    const failure = await failureOf(
      sessions.session((db) => db.execute('select pg_sleep(60)'), { readOnly: true }),
    );

    expect(failure).toMatchObject({ code: 'DB_QUERY_TIMEOUT' });
  });
});

describe('S8 control: the role of the service', () => {
  it('does ordinary writes', async () => {
    const id = '0198c0de-7a11-7000-8000-00000000c4a4';
    const run = (statement: string) => service.sessions.session((db) => db.execute(statement));

    await run(`insert into users values ('${id}', now(), now(), 1, 'somebody', 'Somebody')`);
    await run(`update users set name = 'x' where id = '${id}'`);
    const rows = await run('select name from users for update');
    await run('delete from users');

    expect(rows).toEqual([{ name: 'x' }]);
  });
});
