import type { ProvisionOptions, ProvisionOutcome } from '#database/provision/provision.ts';
import { provision } from '#database/provision/provision.ts';
import type { ProvisionRequest } from '#database/provision/provision-request.ts';
import { revealing } from './embedded-access.ts';
import type { EmbeddedAccess } from './embedded-server.ts';

/** What is asked for an embedded server: the roles of the service, by its superuser. */
export function embeddedProvisioning(
  { connection, roles: { owner, app, reader } }: EmbeddedAccess,
  options: Omit<ProvisionRequest, 'roles'>,
): ProvisionOptions {
  return {
    connection: revealing(connection),
    request: {
      ...options,
      roles: { owner: revealing(owner), app: revealing(app), reader: revealing(reader) },
    },
  };
}

/** Provides an embedded server with the roles of the service: as `npm run db:provision` does any other. */
export async function provisionEmbedded(
  access: EmbeddedAccess,
  options: Omit<ProvisionRequest, 'roles'>,
): Promise<ProvisionOutcome> {
  return await provision(embeddedProvisioning(access, options));
}
