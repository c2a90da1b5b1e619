import { randomBytes } from 'node:crypto';
import type { DatabaseConnection } from '#database/database-options.ts';
import { provision } from '#database/provision/provision.ts';
import type { ProvisionOutcome } from '#database/provision/provision.ts';
import type { ProvisionRequest, RoleKind } from '#database/provision/provision-request.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import { entities } from '#entities.ts';
import { withClient } from './databases.ts';
import type { TestServerAddress } from './test-server.ts';

/** Who logs in as which role. Plain text on purpose: it crosses from the global set-up to the test processes. */
export type TestRoles = Readonly<
  Record<RoleKind, { readonly user: string; readonly password: string }>
>;

/** Roles of one run alone: a server that is shared may have others of the same purpose. */
export function newTestRoles(): TestRoles {
  const run = randomBytes(4).toString('hex');
  const role = (kind: RoleKind) => ({
    user: `tidegauge_${run}_${kind}_test`,
    password: randomBytes(18).toString('base64url'),
  });
  return { owner: role('owner'), app: role('app'), reader: role('reader') };
}

/** The defaults of docs/configuration.md. */
export const PROVISION_SETTINGS = {
  ...DEFAULT_DATABASE_OPTIONS,
  instances: 1,
  reportingPoolSize: 3,
};

/** What `npm run db:provision` would be asked for. */
export function testRequest(roles: TestRoles): ProvisionRequest {
  const login = ({ user, password }: TestRoles[RoleKind]) => ({
    user,
    password: { reveal: () => password },
  });
  return {
    roles: { owner: login(roles.owner), app: login(roles.app), reader: login(roles.reader) },
    // The services of all tests that run at the same time share the roles.
    settings: { ...PROVISION_SETTINGS, instances: 10 },
    tables: entities.map(({ meta }) => meta.tableName),
  };
}

/** The same address as one of the roles. */
export function asRole(
  address: TestServerAddress,
  { user, password }: TestRoles[RoleKind],
): DatabaseConnection {
  const { host, port, database } = address;
  return { host, port, database, user, password: { reveal: () => password } };
}

/** Provides a database with the roles, as the administrator of the address. */
export async function provisionTestDatabase(
  address: TestServerAddress,
  roles: TestRoles,
): Promise<ProvisionOutcome> {
  return await provision({ connection: asRole(address, address), request: testRequest(roles) });
}

/** What a clone lacks of its template: rights on the database itself. */
export async function admitRoles(address: TestServerAddress, roles: TestRoles): Promise<void> {
  const { owner, app, reader } = roles;
  await withClient(address, (client) =>
    client.query(`
      revoke all on database "${address.database}" from public;
      grant connect, temporary on database "${address.database}" to "${owner.user}";
      grant connect on database "${address.database}" to "${app.user}", "${reader.user}"`),
  );
}

/** Drops the roles. Call when their databases are gone. */
export async function dropTestRoles(address: TestServerAddress, roles: TestRoles): Promise<void> {
  for (const { user } of Object.values(roles)) {
    await withClient(address, (client) => client.query(`drop role if exists "${user}"`));
  }
}
