import { withAdministrator } from './administrator.ts';
import type { CatalogState } from './catalog-state.ts';
import type { ProvisionOptions } from './provision.ts';
import { readCatalog } from './survey.ts';

/**
 * Reads who has which rights now, and changes nothing.
 *
 * @throws DatabaseError with the code that says why not
 */
export async function surveyRoles({
  connection,
  request,
}: Pick<ProvisionOptions, 'connection' | 'request'>): Promise<CatalogState> {
  return await withAdministrator(connection, ({ client }) => readCatalog(client, request));
}
