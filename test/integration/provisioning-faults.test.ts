import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { DatabaseConnection } from '#database/database-options.ts';
import { provision } from '#database/provision/provision.ts';
import { surveyRoles } from '#database/provision/survey-roles.ts';
import { withClient } from '#test/support/databases.ts';
import type { ProtocolMessage } from '#test/support/protocol-reader.ts';
import { accessDump } from '#test/support/role-rights.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { asRole, dropTestRoles, newTestRoles, testRequest } from '#test/support/test-roles.ts';
import type { TestRoles } from '#test/support/test-roles.ts';

let database: TestDatabase;
let roles: TestRoles;
let proxy: TcpProxy;
beforeEach(async () => {
  database = await TestDatabase.create({ empty: true });
  roles = newTestRoles();
  proxy = await TcpProxy.start(database.address, { isPostgres: true });
});
afterEach(async () => {
  await proxy.close();
  await database.drop();
  await dropTestRoles(inject('postgres').address, roles);
});

const request = () => testRequest(roles);
const throughProxy = (connection: DatabaseConnection): DatabaseConnection => {
  const { host, port } = proxy;
  return { ...connection, host, port };
};
const run = async (connection = database.connection) =>
  await provision({ connection, request: request() });

const isCatalogQuery = ({ from, type }: ProtocolMessage) => from === 'client' && type === 'P';
const isQuery =
  (statement: string) =>
  ({ from, type, text }: ProtocolMessage) =>
    from === 'client' && type === 'Q' && text === statement;

describe('a run whose connection is lost', () => {
  it.each([
    ['with its first question', isCatalogQuery],
    ['at its beginning', isQuery('BEGIN')],
    ['with a step', ({ text }: ProtocolMessage) => text.startsWith('CREATE ROLE')],
  ])('%s fails with DB_CONNECTION_LOST, and changes nothing', async (_, isCut) => {
    const before = await accessDump(database, roles);
    const cut = proxy.cutAt(isCut);

    await expect(run(throughProxy(database.connection))).rejects.toMatchObject({
      code: 'DB_CONNECTION_LOST',
    });
    await cut;

    expect(await accessDump(database, roles)).toStrictEqual(before);
  });

  it('before its commit is answered fails with DB_COMMIT_UNKNOWN; the next one finds what became of it', async () => {
    const cut = proxy.cutAt(
      ({ from, type, text }) => from === 'server' && type === 'C' && text === 'COMMIT',
    );

    await expect(run(throughProxy(database.connection))).rejects.toMatchObject({
      code: 'DB_COMMIT_UNKNOWN',
    });
    await cut;

    expect(await run()).toMatchObject({ changes: [], skipped: [] });
  });

  it('fails in the same way when it only reports', async () => {
    const connection = throughProxy(database.connection);
    const cut = proxy.cutAt(isCatalogQuery);

    await expect(surveyRoles({ connection, request: request() })).rejects.toMatchObject({
      code: 'DB_CONNECTION_LOST',
    });
    await cut;
  });
});

it('a database without the schema public is refused with DB_SCHEMA, also by a report', async () => {
  await database.query('drop schema public');

  await expect(run()).rejects.toMatchObject({ code: 'DB_SCHEMA' });
  await expect(
    surveyRoles({ connection: database.connection, request: request() }),
  ).rejects.toMatchObject({ code: 'DB_SCHEMA' });
});

describe('an administrator who may not read what the server keeps of passwords', () => {
  let admin: DatabaseConnection;
  beforeEach(async () => {
    await run();
    const user = `${roles.app.user.slice(0, -5)}_admin`;
    const login = { user, password: 'c4n4ry-admin' };
    await withClient(database.address, (client) =>
      client.query(`
        create role "${user}" login createrole password '${login.password}';
        grant "${roles.owner.user}", "${roles.app.user}", "${roles.reader.user}" to "${user}" with admin option;
        alter database "${database.address.database}" owner to "${user}"`),
    );
    admin = asRole(database.address, login);
  });
  afterEach(async () => {
    await database.query(`reassign owned by "${admin.user}" to current_user`);
    await database.query(`drop owned by "${admin.user}"; drop role "${admin.user}"`);
  });
  const passwordsSet = async (connection = admin) => {
    const { changes } = await provision({ connection, request: request() });
    return changes.filter((change) => change.endsWith('another password'));
  };

  it.each([
    ['may not log in', 'alter role $ nologin'],
    ['has as many connections as it may', 'alter role $ connection limit 0'],
    ['may not connect', 'revoke connect on database current from $'],
  ])('leaves a password that is right, of a role that %s', async (_, statement) => {
    await database.query(
      statement
        .replace('$', `"${roles.app.user}"`)
        .replace('current', `"${database.address.database}"`),
    );

    expect(await passwordsSet()).toStrictEqual([]);
  });

  it('sets one that is wrong, of a role that may not log in', async () => {
    await database.query(`alter role "${roles.app.user}" nologin`);
    roles = { ...roles, app: { ...roles.app, password: 'c4n4ry-another' } };

    expect(await passwordsSet()).toStrictEqual([`${roles.app.user}: another password`]);
  });

  it('takes no password for right that could not be tried', async () => {
    roles = { ...roles, app: { ...roles.app, password: 'c4n4ry-another' } };
    void proxy.cutAt((message) => {
      if (isCatalogQuery(message)) proxy.reset();
      return false;
    });

    await expect(passwordsSet(throughProxy(admin))).rejects.toMatchObject({
      code: 'DB_CONNECTION_LOST',
    });
  });
});
