import type { CatalogState, RoleState } from './catalog-state.ts';
import type { ProvisionRequest } from './provision-request.ts';
import { requestedRoles } from './provision-request.ts';
import { essential, literal, optional, quoted } from './provision-step.ts';
import type { ProvisionStep } from './provision-step.ts';
import { scramVerifier } from './scram-verifier.ts';
import { wantedRole } from './wanted-role.ts';
import type { WantedRole } from './wanted-role.ts';

/** Names of those whose password is not the one that is asked for. */
export type WrongPasswords = ReadonlySet<string>;

/** What makes the roles themselves what they are to be: they exist, their attributes, passwords, settings, memberships. */
export function planRoles(
  state: CatalogState,
  request: ProvisionRequest,
  wrongPasswords: WrongPasswords,
): readonly ProvisionStep[] {
  return requestedRoles(request).flatMap(({ kind, login }) => {
    const wanted = wantedRole(kind, request);
    const found = state.roles.find(({ name }) => name === login.user);
    const verifier = () => literal(scramVerifier(login.password?.reveal() ?? ''));
    return [
      ...(found === undefined
        ? [createRole(login.user, wanted, login.password && verifier())]
        : [
            ...attributeSteps(found, wanted),
            ...(wrongPasswords.has(login.user)
              ? [
                  essential(
                    `${login.user}: another password`,
                    `ALTER ROLE ${quoted(login.user)} PASSWORD ${verifier()}`,
                  ),
                ]
              : []),
          ]),
      ...settingSteps(login.user, found, wanted, state.database.name),
      ...membershipSteps(login.user, wanted, state, request),
    ];
  });
}

function createRole(name: string, wanted: WantedRole, verifier: string | undefined): ProvisionStep {
  const attributes = inWords(wanted.attributes);
  const limit = wanted.connectionLimit === -1 ? '' : ` CONNECTION LIMIT ${wanted.connectionLimit}`;
  const password = verifier === undefined ? '' : ` PASSWORD ${verifier}`;
  return essential(
    `${name}: created, ${attributes}${limit}${verifier === undefined ? ', without a password' : ''}`,
    `CREATE ROLE ${quoted(name)} ${attributes}${limit}${password}`,
  );
}

function attributeSteps(found: RoleState, wanted: WantedRole): readonly ProvisionStep[] {
  const different = Object.entries(wanted.attributes).filter(
    ([attribute, value]) => found.attributes[attribute] !== value,
  );
  const alter = `ALTER ROLE ${quoted(found.name)}`;
  const limit = wanted.connectionLimit;
  return [
    ...different.map((entry) => {
      const words = inWords(Object.fromEntries([entry]));
      return essential(`${found.name}: ${words}`, `${alter} ${words}`);
    }),
    ...(limit === found.connectionLimit
      ? []
      : [
          optional(
            `${found.name}: CONNECTION LIMIT ${limit}`,
            `${alter} CONNECTION LIMIT ${limit}`,
          ),
        ]),
  ];
}

function settingSteps(
  name: string,
  found: RoleState | undefined,
  wanted: WantedRole,
  database: string,
): readonly ProvisionStep[] {
  return Object.entries(wanted.settings).flatMap(([setting, value]) => {
    const isSet = found?.settings.includes(`${setting}=${value}`) === true;
    const isHidden = found?.databaseSettings.some((text) => text.startsWith(`${setting}=`));
    return [
      ...(isSet
        ? []
        : [
            optional(
              `${name}: ${setting} = ${value}`,
              `ALTER ROLE ${quoted(name)} SET ${setting} = ${literal(value)}`,
            ),
          ]),
      ...(isHidden === true
        ? [
            optional(
              `${name}: no ${setting} of its own in ${database}`,
              `ALTER ROLE ${quoted(name)} IN DATABASE ${quoted(database)} RESET ${setting}`,
            ),
          ]
        : []),
    ];
  });
}

/** Takes away what would make a role more than it is to be; a membership of the operator's own making stays. */
function membershipSteps(
  name: string,
  wanted: WantedRole,
  state: CatalogState,
  request: ProvisionRequest,
): readonly ProvisionStep[] {
  const ours = new Set(requestedRoles(request).map(({ login }) => login.user));
  const found = state.memberships.filter(({ member }) => member === name);
  const isTooMuch = (role: string) => ours.has(role) || role.startsWith('pg_');
  return [
    ...wanted.memberships
      .filter((role) => !found.some((membership) => membership.role === role))
      .map((role) =>
        optional(`${name}: member of ${role}`, `GRANT ${quoted(role)} TO ${quoted(name)}`),
      ),
    ...found
      .filter(({ role }) => !wanted.memberships.includes(role))
      .filter(({ role, isSuperuser }) => isSuperuser || isTooMuch(role))
      .map(({ role }) =>
        optional(`${name}: no member of ${role}`, `REVOKE ${quoted(role)} FROM ${quoted(name)}`),
      ),
  ];
}

function inWords(attributes: Readonly<Record<string, boolean>>): string {
  return Object.entries(attributes)
    .map(([attribute, value]) => (value ? attribute : `NO${attribute}`))
    .join(' ');
}
