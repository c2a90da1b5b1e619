import { EVERYBODY } from './catalog-state.ts';
import type { CatalogState, DefaultGrants } from './catalog-state.ts';
import {
  called,
  functionRights,
  granteesOf,
  inSql,
  sequenceRights,
  tableRights,
} from './plan-grants.ts';
import type { WantedRights } from './plan-grants.ts';
import type { ProvisionRequest } from './provision-request.ts';
import { essential, quoted } from './provision-step.ts';
import type { ProvisionStep } from './provision-step.ts';

const KINDS = { r: 'TABLES', S: 'SEQUENCES', f: 'FUNCTIONS' } as const;

/** What gives the roles their rights on what the owner will make later. */
export function planDefaults(
  state: CatalogState,
  request: ProvisionRequest,
): readonly ProvisionStep[] {
  const alter = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(request.roles.owner.user)}`;
  const wanted: readonly (readonly [keyof typeof KINDS, WantedRights])[] = [
    ['r', tableRights(request)],
    ['S', sequenceRights(request)],
    ['f', functionRights(request)],
  ];
  const grantees = granteesOf(request);
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
    ...wanted.flatMap(([kind, rights]) =>
      grantees.flatMap((grantee) => {
        const held = heldOf(state, kind, grantee);
        const asked = rights[grantee] ?? [];
        const missing = asked.filter((right) => !held.includes(right)).join(', ');
        const tooMuch = held.filter((right) => !asked.includes(right)).join(', ');
        const what = KINDS[kind].toLowerCase();
        const inPublic = `${alter} IN SCHEMA public`;
        return [
          ...(missing === ''
            ? []
            : [
                essential(
                  `new ${what}: ${missing} to ${called(grantee)}`,
                  `${inPublic} GRANT ${missing} ON ${KINDS[kind]} TO ${inSql(grantee)}`,
                ),
              ]),
          ...(tooMuch === ''
            ? []
            : [
                essential(
                  `new ${what}: no ${tooMuch} for ${called(grantee)}`,
                  `${inPublic} REVOKE ${tooMuch} ON ${KINDS[kind]} FROM ${inSql(grantee)}`,
                ),
              ]),
        ];
      }),
    ),
  ];
}

function heldOf(
  { defaults }: CatalogState,
  kind: DefaultGrants['kind'],
  grantee: string,
): readonly string[] {
  return defaults
    .filter((entry) => entry.schema === 'public' && entry.kind === kind)
    .flatMap(({ acl }) => acl.filter((grant) => grant.grantee === grantee))
    .map(({ privilege }) => privilege);
}

/** Without an entry of its own the server's default holds, by which everybody may. */
function mayEverybodyCall({ defaults }: CatalogState): boolean {
  const entry = defaults.find(({ schema, kind }) => schema === null && kind === 'f');
  return entry === undefined || entry.acl.some(({ grantee }) => grantee === EVERYBODY);
}
