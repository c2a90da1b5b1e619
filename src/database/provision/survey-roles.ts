import { openAdministrator } from './administrator.ts';
import type { CatalogState } from './catalog-state.ts';
import type { ProvisionOptions } from './provision.ts';
import { readCatalog } from './survey.ts';

/** Reads who has which rights now, and changes nothing. */
export async function surveyRoles({
  connection,
  request,
}: Pick<ProvisionOptions, 'connection' | 'request'>): Promise<CatalogState> {
  await using administrator = await openAdministrator(connection);
  return await readCatalog(administrator.client, request);
}
