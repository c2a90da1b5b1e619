import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import { CATALOG_QUERY, PASSWORDS_QUERY } from './catalog-query.ts';
import type { CatalogState } from './catalog-state.ts';
import { LOCKING_FUNCTIONS, WRITING_FUNCTIONS } from './guarded-functions.ts';
import { requestedRoles } from './provision-request.ts';
import type { ProvisionRequest, RoleLogin } from './provision-request.ts';
import { isVerifierOf } from './scram-verifier.ts';

/** Reads what there is, in one round trip. */
export async function readCatalog(
  client: pg.Client,
  request: ProvisionRequest,
): Promise<CatalogState> {
  const { rows } = await client.query<{ state: CatalogState }>(CATALOG_QUERY, [
    requestedRoles(request).map(({ login }) => login.user),
    request.roles.owner.user,
    [...WRITING_FUNCTIONS, ...LOCKING_FUNCTIONS],
  ]);
  const [row] = rows;
  if (row === undefined) throw new DatabaseError('DB_QUERY_FAILED', 'bug: no answer of one row');
  return row.state;
}

/**
 * Names of the roles that exist and have another password than the one that is asked for. A superuser compares with what
 * the server keeps; whoever may not read that finds out by logging in.
 */
export async function findWrongPasswords(
  client: pg.Client,
  state: CatalogState,
  request: ProvisionRequest,
  mayLogIn: (login: RoleLogin) => Promise<boolean>,
): Promise<ReadonlySet<string>> {
  const asked = requestedRoles(request)
    .map(({ login }) => login)
    .filter(({ user, password }) => password && state.roles.some(({ name }) => name === user));
  const users = asked.map(({ user }) => user);
  if (users.length === 0) return new Set();
  if (!state.administrator.isSuperuser) {
    const answers = await Promise.all(asked.map(async (login) => await mayLogIn(login)));
    return new Set(users.filter((_, index) => answers[index] === false));
  }
  const { rows } = await client.query<{ rolname: string; rolpassword: string | null }>(
    PASSWORDS_QUERY,
    [users],
  );
  const kept = new Map(rows.map(({ rolname, rolpassword }) => [rolname, rolpassword]));
  return new Set(
    asked
      .filter(
        ({ user, password }) => !isVerifierOf(kept.get(user) ?? null, password?.reveal() ?? ''),
      )
      .map(({ user }) => user),
  );
}
