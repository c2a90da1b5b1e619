import type { CatalogState, Grant } from './catalog-state.ts';
import { called, EVERYBODY } from './grantee.ts';
import { requestedRoles } from './provision-request.ts';
import type { ProvisionRequest } from './provision-request.ts';

/** Who has which rights now, a paragraph for each role and one for everybody, to be read by people. */
export function privilegeReport(state: CatalogState, request: ProvisionRequest): readonly string[] {
  const paragraphs = requestedRoles(request).map(({ login }) => [
    login.user,
    ...aboutRole(state, login.user),
    ...rights(state, login.user),
  ]);
  return [...paragraphs, [called(EVERYBODY), ...rights(state, EVERYBODY)]].flat();
}

function aboutRole(state: CatalogState, user: string): readonly string[] {
  const role = state.roles.find(({ name }) => name === user);
  if (role === undefined) return [line('does not exist', '')];
  const attributes = Object.entries(role.attributes).filter(([, value]) => value);
  const owned = [
    ...(state.database.owner === user ? [`database ${state.database.name}`] : []),
    ...state.schemas.filter(({ owner }) => owner === user).map(({ name }) => `schema ${name}`),
    ...state.relations.filter(({ owner }) => owner === user).map(({ name }) => name),
    ...state.functions.filter(({ owner }) => owner === user).map(({ signature }) => signature),
  ];
  const settings = [...role.settings, ...role.databaseSettings.map((text) => `${text} (here)`)];
  return [
    line('is', [...(role.isSuperuser ? ['SUPERUSER'] : []), ...attributes.map(([name]) => name)]),
    line('member of', namesOf(state.memberships.filter(({ member }) => member === user))),
    line('connections', role.connectionLimit === -1 ? 'no limit' : String(role.connectionLimit)),
    line('owns', owned),
    line('settings', settings),
  ];
}

function namesOf(memberships: CatalogState['memberships']): readonly string[] {
  return memberships.map(({ role }) => role);
}

function rights(state: CatalogState, grantee: string): readonly string[] {
  const byRights = new Map<string, string[]>();
  const note = (acl: readonly Grant[], what: string) => {
    const held = acl.filter((grant) => grant.grantee === grantee);
    if (held.length === 0) return;
    const key = held
      .map(({ privilege, isGrantable }) => `${privilege}${isGrantable ? '*' : ''}`)
      .join(', ');
    byRights.set(key, [...(byRights.get(key) ?? []), what]);
  };
  note(state.database.acl, `database ${state.database.name}`);
  for (const { acl, name } of state.schemas) note(acl, `schema ${name}`);
  for (const { acl, name, kind, columns } of state.relations) {
    note(acl, kind === 'S' ? `sequence ${name}` : `table ${name}`);
    for (const column of columns) note([column], `column ${name}.${column.column}`);
  }
  for (const { acl, signature } of state.functions) note(acl, signature);
  for (const { schema, kind, acl } of state.defaults) {
    note(acl, `new ${NEW[kind]} of ${schema === null ? 'every schema' : schema}`);
  }
  return [...byRights].map(([key, objects]) => line(key, objects));
}

const NEW = { r: 'tables', S: 'sequences', f: 'functions', T: 'types', n: 'schemas' } as const;

function line(what: string, items: string | readonly string[]): string {
  const text = typeof items === 'string' ? items : items.join(', ') || '-';
  return `  ${`${what}:`.padEnd(13)} ${text}`.trimEnd();
}
