import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import type { DatabaseConnection } from '#database/database-options.ts';
import { provision } from '#database/provision/provision.ts';
import { withClient } from '#test/support/databases.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { asRole, dropTestRoles, newTestRoles, testRequest } from '#test/support/test-roles.ts';
import type { TestRoles } from '#test/support/test-roles.ts';

let database: TestDatabase;
let roles: TestRoles;
let admin: { readonly user: string; readonly password: string };
beforeEach(async () => {
  database = await TestDatabase.create({ empty: true });
  roles = newTestRoles();
  admin = { user: `${roles.app.user.slice(0, -5)}_admin`, password: 'c4n4ry-admin' };
  await run(database.connection);
});
afterEach(async () => {
  await database.query(`reassign owned by "${admin.user}" to current_user`);
  await database.query(`drop owned by "${admin.user}"; drop role "${admin.user}"`);
  await database.drop();
  await dropTestRoles(inject('postgres').address, roles);
});

/** Makes a role that administers the roles and the database, and is no superuser. */
async function newAdministrator(options = ''): Promise<DatabaseConnection> {
  const users = Object.values(roles).map(({ user }) => `"${user}"`);
  await database.query(`
    create role "${admin.user}" login createrole ${options} password '${admin.password}';
    grant ${users.join(', ')} to "${admin.user}" with admin option;
    alter database "${database.address.database}" owner to "${admin.user}"`);
  return asRole(database.address, admin);
}

const run = async (connection: DatabaseConnection) =>
  await provision({ connection, request: testRequest(roles) });
const passwordsSet = async (connection: DatabaseConnection) =>
  (await run(connection)).changes.filter((change) => change.endsWith('another password'));
const changePassword = () => {
  roles = { ...roles, app: { ...roles.app, password: 'c4n4ry-another' } };
};

it.each([
  ['may not log in', 'alter role "$role" nologin'],
  ['has as many connections as it may', 'alter role "$role" connection limit 0'],
  ['may not connect', 'revoke connect on database "$database" from "$role"'],
])('leaves a password that is right, of a role that %s', async (_, statement) => {
  const connection = await newAdministrator();
  await database.query(
    statement.replace('$role', roles.app.user).replace('$database', database.address.database),
  );

  expect(await passwordsSet(connection)).toStrictEqual([]);
});

it('sets one that is wrong, of a role that may not log in', async () => {
  const connection = await newAdministrator();
  await database.query(`alter role "${roles.app.user}" nologin`);
  changePassword();

  expect(await passwordsSet(connection)).toStrictEqual([`${roles.app.user}: another password`]);
});

it('takes no password for right that could not be tried', async () => {
  const connection = await newAdministrator();
  await using proxy = await TcpProxy.start(database.address, { isPostgres: true });
  const { host, port } = proxy;
  void proxy.cutAt(({ from, type }) => {
    if (from === 'client' && type === 'P') proxy.reset();
    return false;
  });
  changePassword();

  await expect(passwordsSet({ ...connection, host, port })).rejects.toMatchObject({
    code: 'DB_CONNECTION_LOST',
  });
});

it('leaves an administrator the memberships that he had, those that he gave himself included', async () => {
  const connection = await newAdministrator('noinherit');
  await withClient({ ...database.address, ...admin }, (client) =>
    client.query(`grant "${roles.owner.user}" to current_user`),
  );
  const memberships = () =>
    database.query(
      `select to_jsonb(m)::text from pg_auth_members m where member = $1::regrole order by 1`,
      [admin.user],
    );
  const before = await memberships();
  changePassword();

  expect(await passwordsSet(connection)).toHaveLength(1);
  expect(await memberships()).toStrictEqual(before);
});
