import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { join } from 'node:path';
import { migrate } from '#database/migrations/migrate.ts';
import { provision } from '#database/provision/provision.ts';
import { withClient } from '#test/support/databases.ts';
import { accessDump } from '#test/support/role-rights.ts';
import { runCommand } from '#test/support/run-command.ts';
import type { CommandResult } from '#test/support/run-command.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { asRole, dropTestRoles, newTestRoles, testRequest } from '#test/support/test-roles.ts';
import type { TestRoles } from '#test/support/test-roles.ts';

let database: TestDatabase;
let roles: TestRoles;
beforeEach(async () => {
  database = await TestDatabase.create({ empty: true });
  roles = newTestRoles();
});
afterEach(async () => {
  await database.drop();
  await dropTestRoles(inject('postgres').address, roles);
});

const request = () => testRequest(roles);
const run = async (isDryRun = false) =>
  await provision({ connection: database.connection, request: request(), isDryRun });

describe('provisioning', () => {
  it('makes the roles once, and changes nothing when run again', async () => {
    const first = await run();
    const before = await accessDump(database, roles);
    const second = await run();

    expect(first).toMatchObject({ skipped: [], notes: [] });
    expect(first.changes.length).toBeGreaterThan(30);
    expect(second).toMatchObject({ changes: [], skipped: [], notes: [] });
    expect(before.filter((line) => line.startsWith('role '))).toHaveLength(3);
    expect(await accessDump(database, roles)).toStrictEqual(before);
  });

  it('restores what was taken, and takes what was given, and says so', async () => {
    await run();
    const { owner, app, reader } = roles;
    await withClient({ ...database.address, ...owner }, async (client) => {
      await client.query('create table things (id int, note text)');
      await client.query(`revoke select on things from "${app.user}"`);
      await client.query(`grant truncate on things to "${reader.user}"`);
      await client.query(`grant update (note) on things to "${reader.user}"`);
      await client.query(`grant select on things to "${reader.user}" with grant option`);
      const later = 'alter default privileges in schema public';
      await client.query(`${later} grant truncate on tables to "${app.user}"`);
      await client.query(`${later} grant select on tables to "${reader.user}" with grant option`);
      await client.query(`${later} revoke usage on sequences from "${app.user}"`);
    });
    await database.query(`alter role "${app.user}" createdb`);
    await database.query(`grant "${owner.user}" to "${app.user}"`);
    await withClient({ ...database.address, ...reader }, async (client) => {
      await client.query('set default_transaction_read_only = off');
      await client.query('alter role current_user set statement_timeout = 0');
      await client.query(
        `alter role current_user in database "${database.address.database}" set lock_timeout = 0`,
      );
      await client.query(`alter role current_user password 'c4n4ry of its own'`);
    });

    const { changes } = await run();

    expect(changes.toSorted()).toStrictEqual(
      [
        `${app.user}: NOCREATEDB`,
        `${app.user}: no member of ${owner.user}`,
        `new sequences: USAGE to ${app.user}`,
        `new tables: no TRUNCATE for ${app.user}`,
        `new tables: no grant option for SELECT for ${reader.user}`,
        `${reader.user}: another password`,
        `${reader.user}: no lock_timeout of its own in ${database.address.database}`,
        `${reader.user}: statement_timeout = 30s`,
        `table things: SELECT to ${app.user}`,
        `table things: no TRUNCATE for ${reader.user}`,
        `table things: no UPDATE (note) for ${reader.user}`,
        `table things: no grant option for SELECT for ${reader.user}`,
      ].toSorted(),
    );
    expect(await run()).toMatchObject({ changes: [], skipped: [] });
  });

  it('tells what it would do, and does nothing', async () => {
    const before = await accessDump(database, roles);
    const dry = await run(true);
    const after = await accessDump(database, roles);
    const real = await run();

    expect(after).toStrictEqual(before);
    expect(dry.changes).toStrictEqual(real.changes);
  });

  it('hands over the tables of the administrator and of the service, and leaves those of others', async () => {
    const other = `${roles.app.user.slice(0, -5)}_other`;
    await database.query('create table users (id serial primary key, email text)');
    await database.query(`create role "${other}"`);
    await database.query(`create table theirs (id int); alter table theirs owner to "${other}"`);
    await database.query(`create role "${roles.app.user}" login password 'c4n4ry'`);
    await database.query(
      `create table mine (id int); alter table mine owner to "${roles.app.user}"`,
    );

    const { changes, notes } = await run();
    const owners = await database.query(
      `select relname::text as "table", relowner::regrole::text as owner from pg_class
       where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`,
    );
    const again = await run();
    await database.query(`drop owned by "${other}"; drop role "${other}"`);

    const { user } = roles.owner;
    expect(owners).toStrictEqual([
      { table: 'mikro_orm_migrations', owner: user },
      { table: 'mine', owner: user },
      { table: 'theirs', owner: other },
      { table: 'users', owner: user },
    ]);
    expect(changes).toContain(`table users: owned by ${user} instead of ${database.address.user}`);
    expect(changes).toContain(`table mine: owned by ${user} instead of ${roles.app.user}`);
    expect(notes).toStrictEqual([`public.theirs belongs to ${other}, and is left as it is`]);
    expect(again).toMatchObject({ changes: [], skipped: [] });
  });

  it('creates pg_stat_statements where it is missing, and leaves one that is in another schema', async () => {
    await run();
    await database.query('drop extension pg_stat_statements');

    const missing = await run();
    await database.query('alter extension pg_stat_statements set schema public');
    const elsewhere = await run();

    expect(missing).toMatchObject({
      changes: ['schema tidegauge: statistics of statements'],
      skipped: [],
    });
    expect(elsewhere).toMatchObject({ changes: [], skipped: [] });
  });

  it('is done once by three runs at the same time', async () => {
    const outcomes = await Promise.all([run(), run(), run()]);
    const [most, ...others] = outcomes
      .map(({ changes }) => changes.length)
      .toSorted((a, b) => b - a);

    expect(most).toBeGreaterThan(30);
    expect(others).toStrictEqual([0, 0]);
  });

  it('as an administrator without superuser goes as far as the server lets it', async () => {
    const admin = { user: `${roles.app.user.slice(0, -5)}_admin`, password: 'c4n4ry-admin' };
    await database.query(
      `create role "${admin.user}" login createrole password '${admin.password}'`,
    );
    await database.query(`alter database "${database.address.database}" owner to "${admin.user}"`);
    await withClient({ ...database.address, ...admin }, (client) =>
      client.query('create table users (id serial primary key, email text)'),
    );
    const connection = asRole(database.address, admin);

    const first = await provision({ connection, request: request() });
    const second = await provision({ connection, request: request() });
    const borrowed = await database.query(
      `select 1 from pg_auth_members where member = $1::regrole
       and (current_setting('server_version_num')::int < 160000 or grantor = member)`,
      [admin.user],
    );
    const wrong = testRequest({ ...roles, app: { ...roles.app, password: 'c4n4ry-another' } });
    const rotated = await provision({ connection, request: wrong });
    await database.query(`reassign owned by "${admin.user}" to current_user`);
    await database.query(`drop owned by "${admin.user}"; drop role "${admin.user}"`);

    expect(first.changes).toContain(
      `table users: owned by ${roles.owner.user} instead of ${admin.user}`,
    );
    const refused = first.skipped.map(({ change }) => change.replace(/^tidegauge_\w+: /, ''));
    expect(refused).toContain('temp_file_limit = 256MB');
    expect(refused).toContain('log_parameter_max_length = 0');
    expect(refused).toContain('schema tidegauge: statistics of statements');
    expect(second).toMatchObject({ changes: [], skipped: first.skipped });
    expect(borrowed).toStrictEqual([]);
    expect(rotated.changes).toStrictEqual([`${roles.app.user}: another password`]);
  });

  it.each([
    [
      'a superuser',
      async () => {
        await database.query(`create role "${roles.app.user}" login superuser`);
      },
    ],
    [
      'one role for two purposes',
      async () => {
        roles = { ...roles, reader: roles.app };
      },
    ],
    [
      'the administrator',
      async () => {
        roles = { ...roles, app: { user: database.address.user, password: 'c4n4ry' } };
      },
    ],
  ])('refuses %s, and changes nothing', async (_, arrange) => {
    const cleanUp = roles;
    await arrange();
    const before = await accessDump(database, roles);

    await expect(run()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });

    expect(await accessDump(database, roles)).toStrictEqual(before);
    roles = cleanUp;
  });

  it('fails with DB_PERMISSION, and changes nothing, as a role that may not make roles', async () => {
    await run();
    const others = newTestRoles();
    const before = await accessDump(database, roles, others);
    const connection = asRole(database.address, roles.owner);

    await expect(provision({ connection, request: testRequest(others) })).rejects.toMatchObject({
      code: 'DB_PERMISSION',
      message: expect.stringContaining(roles.owner.user),
    });

    expect(await accessDump(database, roles, others)).toStrictEqual(before);
  });
});

describe('npm run db:provision', () => {
  const urlOf = ({ user, password }: { readonly user: string; readonly password: string }) =>
    `postgresql://${user}:${encodeURIComponent(password)}@${database.address.host}:${database.address.port}/${database.address.database}`;
  const command = async (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> =>
    await runCommand([process.execPath, 'src/cli/db-provision.ts', ...args], { env });
  const env = () => ({
    PROVISION_DATABASE_URL: database.url,
    DATABASE_URL: urlOf(roles.app),
    MIGRATION_DATABASE_URL: urlOf(roles.owner),
  });

  it('prints what it changes, then that nothing is left; a password is of any characters', async () => {
    roles = { ...roles, app: { ...roles.app, password: 'c4n4ry pässwörd ½ %' } };

    const first = await command([], env());
    const second = await command([], env());
    const report = await command(['--report'], env());

    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(
      new RegExp(String.raw`^changed {2}${roles.app.user}: created, LOGIN INHERIT`, 'm'),
    );
    expect(first.stdout).toMatch(
      /^\d\d changes, 0 skipped\nno reader: REPORTING_DATABASE_URL is unset\n$/m,
    );
    expect(second.stdout.split('\n').slice(1)).toStrictEqual([
      '0 changes, 0 skipped',
      'no reader: REPORTING_DATABASE_URL is unset',
      '',
    ]);
    expect(report.stdout).toContain(`${roles.app.user}\n  is:           LOGIN, INHERIT\n`);
    const answer = await withClient({ ...database.address, ...roles.app }, (client) =>
      client.query('select current_user::text as user'),
    );
    expect(answer.rows).toStrictEqual([{ user: roles.app.user }]);
  });

  it('exits with 78 for settings, 64 for usage, 1 for what the server says, and no password', async () => {
    const wrong = urlOf({ user: database.address.user, password: 'c4n4ry-wrong' });
    const ends = await Promise.all([
      command(['--dry-run'], { ...env(), MIGRATION_DATABASE_URL: '' }),
      command(['--force'], env()),
      command(['--dry-run', '--report'], env()),
      command([], { ...env(), PROVISION_DATABASE_URL: wrong }),
    ]);

    expect(ends.map(({ code }) => code)).toStrictEqual([78, 64, 64, 1]);
    expect(ends.map(({ stderr }) => stderr)).toStrictEqual([
      expect.stringContaining('MIGRATION_DATABASE_URL'),
      expect.stringMatching(/^usage: /),
      expect.stringMatching(/^usage: /),
      expect.stringMatching(/^DB_AUTH_FAILED: /),
    ]);
    expect(ends.map(({ stderr }) => stderr).join('')).not.toContain('c4n4ry');
  });
});

it('the list of migrations is made as MikroORM makes it', async () => {
  const columns = (list: TestDatabase) =>
    list.query(`select a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid)
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = 'mikro_orm_migrations'::regclass and a.attnum between 1 and 3 order by a.attnum`);
  await migrate({
    connection: database.connection,
    entities: [],
    migrationsDir: join(process.cwd(), 'migrations'),
  });
  await using provisioned = await TestDatabase.create();

  expect(await columns(provisioned)).toStrictEqual(await columns(database));
});
