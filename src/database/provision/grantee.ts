import { requestedRoles } from './provision-request.ts';
import type { ProvisionRequest } from './provision-request.ts';
import { quoted } from './provision-step.ts';

/** Who a right is given to when it is given to everybody (`PUBLIC`). */
export const EVERYBODY = '';

/** Everybody, and the roles of the service. */
export function granteesOf(request: ProvisionRequest): readonly string[] {
  return [EVERYBODY, ...requestedRoles(request).map(({ login }) => login.user)];
}

/** A grantee as people call it. */
export function called(grantee: string): string {
  return grantee === EVERYBODY ? 'everybody' : grantee;
}

/** A grantee as SQL has it. */
export function inSql(grantee: string): string {
  return grantee === EVERYBODY ? 'PUBLIC' : quoted(grantee);
}
