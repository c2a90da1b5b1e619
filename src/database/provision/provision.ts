import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { mapDatabaseError } from '#database/map-database-error.ts';
import { withAdministrator } from './administrator.ts';
import type { Administrator } from './administrator.ts';
import type { CatalogState } from './catalog-state.ts';
import { planDefaults } from './plan-defaults.ts';
import { planAccess, planGrants } from './plan-grants.ts';
import { foreignRelations, planContainers, planObjects } from './plan-objects.ts';
import { planRoles } from './plan-roles.ts';
import type { WrongPasswords } from './plan-roles.ts';
import { requestedRoles } from './provision-request.ts';
import type { ProvisionRequest } from './provision-request.ts';
import type { ProvisionStep } from './provision-step.ts';
import { ProvisionTransaction } from './provision-transaction.ts';
import { findWrongPasswords, readCatalog } from './survey.ts';

export interface ProvisionOptions {
  /** The administrator, past every pooler, on the database that is provided for. */
  readonly connection: DatabaseConnection;
  readonly request: ProvisionRequest;
  /** Do everything and then take it back, so that what is told is what would be done. */
  readonly isDryRun?: boolean;
}

/** What a run has done, in its order. */
export interface ProvisionOutcome {
  readonly changes: readonly string[];
  /** What the server has refused, with its words; nothing that the service needs to run. */
  readonly skipped: readonly { readonly change: string; readonly reason: string }[];
  /** What a person might look at. */
  readonly notes: readonly string[];
}

/** Each follows from what the one before has done: the catalogue is read anew in between. */
const PLANS = [
  planRoles,
  planContainers,
  planAccess,
  planObjects,
  planGrants,
  planDefaults,
] as const;
const MAX_ROUNDS = 12;
const ATTEMPTS = 5;
const RETRY_DELAY_MS = 200;
/** Roles belong to all databases of a server: another run for another database may change them at the same time. */
const CONCURRENT = new Set(['23505', '42710', '40P01', 'XX000']);

/**
 * Provides one database with its roles and their rights. Compares what is with what should be and makes the difference,
 * in one transaction and under a lock: a second run changes nothing, and one round trip tells so.
 *
 * @throws DatabaseError `CONFIG_INVALID` for roles that cannot be the ones meant, `DB_PERMISSION` when the administrator
 * may not do what the service needs, or with another code that says why not; nothing is changed then. `DB_COMMIT_UNKNOWN`
 * when the answer to the commit was lost: all is changed, or nothing
 */
export async function provision(options: ProvisionOptions): Promise<ProvisionOutcome> {
  return await withAdministrator(options.connection, async (administrator) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await provisionOnce(administrator, options);
      } catch (error) {
        const { sqlState = '' } = mapDatabaseError(error)?.details ?? {};
        if (attempt === ATTEMPTS || !CONCURRENT.has(sqlState)) throw error;
        await delay(RETRY_DELAY_MS * attempt * (0.5 + Math.random() / 2));
      }
    }
  });
}

async function provisionOnce(
  { client, mayLogIn }: Administrator,
  { request, isDryRun = false }: ProvisionOptions,
): Promise<ProvisionOutcome> {
  const first = await readCatalog(client, request);
  refuseWrongRoles(first, request);
  const wrong = await findWrongPasswords(client, first, request, mayLogIn);
  if (stepsOf(first, request, wrong).length === 0) {
    return { changes: [], skipped: [], notes: foreignRelations(first, request) };
  }
  const transaction = new ProvisionTransaction(client, first, request);
  try {
    await transaction.begin();
    const tried = new Set<string>();
    const done: string[] = [];
    const skipped: { change: string; reason: string }[] = [];
    let state = first;
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const isFirst = round === 1;
      state = await readCatalog(client, request);
      const steps = nextSteps(state, request, isFirst ? wrong : new Set(), tried);
      if (steps.length === 0) break;
      for (const step of steps) {
        tried.add(step.change);
        const refusal = await transaction.make(step);
        if (refusal === undefined) done.push(step.change);
        else skipped.push({ change: step.change, reason: refusal });
      }
    }
    const undone = new Set(stepsOf(state, request, new Set()).map(({ change }) => change));
    const vain = done.filter((change) => undone.has(change));
    await transaction.end(isDryRun ? 'ROLLBACK' : 'COMMIT');
    return {
      changes: done.filter((change) => !undone.has(change)),
      skipped: [
        ...skipped,
        ...vain.map((change) => ({ change, reason: 'the server did it without effect' })),
      ],
      notes: foreignRelations(state, request),
    };
  } catch (error) {
    await transaction.end('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

function stepsOf(
  state: CatalogState,
  request: ProvisionRequest,
  wrong: WrongPasswords,
): readonly ProvisionStep[] {
  return PLANS.flatMap((plan) => plan(state, request, wrong));
}

/** Of the first plan that has any: what comes after looks at what these have done. */
function nextSteps(
  state: CatalogState,
  request: ProvisionRequest,
  wrong: WrongPasswords,
  tried: ReadonlySet<string>,
): readonly ProvisionStep[] {
  return (
    PLANS.map((plan) =>
      plan(state, request, wrong).filter(({ change }) => !tried.has(change)),
    ).find((steps) => steps.length > 0) ?? []
  );
}

/** Taking a superuser's rights away could lock people out, and one role for two purposes has the rights of both. */
function refuseWrongRoles(state: CatalogState, request: ProvisionRequest): void {
  const users = requestedRoles(request).map(({ login }) => login.user);
  const fault = (message: string) => new DatabaseError('CONFIG_INVALID', message);
  if (new Set(users).size < users.length) {
    throw fault('owner, service and reader must be different roles');
  }
  if (users.includes(state.administrator.name)) {
    throw fault(`${state.administrator.name} is the administrator: the roles must be others`);
  }
  const superuser = state.roles.find(({ isSuperuser }) => isSuperuser);
  if (superuser !== undefined) {
    throw fault(`${superuser.name} is a superuser: name another role, or ALTER ROLE … NOSUPERUSER`);
  }
}
