import type { CatalogState } from './catalog-state.ts';
import { grantSteps } from './grant-steps.ts';
import { EVERYBODY, granteesOf } from './grantee.ts';
import type { ProvisionRequest } from './provision-request.ts';
import { essential, quoted } from './provision-step.ts';
import type { ProvisionStep } from './provision-step.ts';
import { functionRights, sequenceRights, tableRights } from './wanted-rights.ts';

/** What gives the roles their rights on what the owner will make later. */
export function planDefaults(
  state: CatalogState,
  request: ProvisionRequest,
): readonly ProvisionStep[] {
  const owner = request.roles.owner.user;
  const alter = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(owner)}`;
  const kinds = [
    { kind: 'r', object: 'TABLES', wanted: tableRights(request) },
    { kind: 'S', object: 'SEQUENCES', wanted: sequenceRights(request) },
    { kind: 'f', object: 'FUNCTIONS', wanted: functionRights(request) },
  ] as const;
  return [
    // What everybody may by default can be taken away for all schemas at once only.
    ...(mayEverybodyCall(state)
      ? [
          essential(
            'new functions: no EXECUTE for everybody',
            `${alter} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`,
          ),
        ]
      : []),
    ...kinds.flatMap(({ kind, object, wanted }) =>
      grantSteps({
        label: `new ${object.toLowerCase()}`,
        prefix: `${alter} IN SCHEMA public `,
        object,
        owner,
        acl: state.defaults
          .filter((entry) => entry.schema === 'public' && entry.kind === kind)
          .flatMap(({ acl }) => acl),
        wanted,
        grantees: granteesOf(request),
      }),
    ),
  ];
}

/** Without an entry of its own the server's default holds, by which everybody may. */
function mayEverybodyCall({ defaults }: CatalogState): boolean {
  const entry = defaults.find(({ schema, kind }) => schema === null && kind === 'f');
  return entry === undefined || entry.acl.some(({ grantee }) => grantee === EVERYBODY);
}
