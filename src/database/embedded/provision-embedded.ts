import type { DatabaseConnection } from '#database/database-options.ts';
import type { ProvisionOutcome } from '#database/provision/provision.ts';
import { provision } from '#database/provision/provision.ts';
import type { ProvisionRequest } from '#database/provision/provision-request.ts';
import type { EmbeddedAccess, EmbeddedConnection } from './embedded-server.ts';

/** Provides an embedded server with the roles of the service: as `npm run db:provision` does any other. */
export async function provisionEmbedded(
  { connection, roles }: EmbeddedAccess,
  options: Omit<ProvisionRequest, 'roles'>,
): Promise<ProvisionOutcome> {
  const { owner, app, reader } = roles;
  return await provision({
    connection: revealing(connection),
    request: {
      ...options,
      roles: { owner: revealing(owner), app: revealing(app), reader: revealing(reader) },
    },
  });
}

/** The same, with the password as connections take it. */
export function revealing({ password, ...address }: EmbeddedConnection): DatabaseConnection {
  return { ...address, password: { reveal: () => password } };
}
