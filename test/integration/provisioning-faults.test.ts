import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { DatabaseConnection } from '#database/database-options.ts';
import { provision } from '#database/provision/provision.ts';
import { surveyRoles } from '#database/provision/survey-roles.ts';
import type { ProtocolMessage } from '#test/support/protocol-reader.ts';
import { accessDump } from '#test/support/role-rights.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { dropTestRoles, newTestRoles, testRequest } from '#test/support/test-roles.ts';
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
