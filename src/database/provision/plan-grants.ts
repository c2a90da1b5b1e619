import { MIGRATIONS_TABLE } from '#database/migrations/migration-records.ts';
import { EVERYBODY } from './catalog-state.ts';
import type { CatalogState, Grant, RelationState } from './catalog-state.ts';
import { LOCKING_FUNCTIONS, WRITING_FUNCTIONS } from './guarded-functions.ts';
import { OPERATOR_SCHEMA } from './operator-functions.ts';
import type { ProvisionRequest } from './provision-request.ts';
import { requestedRoles } from './provision-request.ts';
import { essential, optional, quoted } from './provision-step.ts';
import type { ProvisionStep } from './provision-step.ts';

/** Rights by role; whoever of those that are looked at is not named is to have none. */
export type WantedRights = Readonly<Record<string, readonly string[]>>;

/** An object, and who is to have which right on it. */
interface Granted {
  /** As people call it. */
  readonly label: string;
  /** As `GRANT … ON` has it. */
  readonly object: string;
  readonly owner: string;
  readonly acl: readonly Grant[];
  readonly wanted: WantedRights;
  /** Whose rights are compared. Those of other roles are the operator's affair. */
  readonly grantees: readonly string[];
}

/** What the service does with its rows. */
const READ_AND_WRITE = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
const READ = ['SELECT'];

/** The rights on a table of the schema `public` by role, those on future ones included. */
export function tableRights(request: ProvisionRequest, table?: string): WantedRights {
  const { app, reader } = request.roles;
  const isList = table?.startsWith(MIGRATIONS_TABLE) === true;
  return {
    [app.user]: isList ? READ : READ_AND_WRITE,
    ...(reader !== undefined && { [reader.user]: READ }),
  };
}

/** The rights on a sequence; the one that numbers the migrations is the owner's. */
export function sequenceRights(request: ProvisionRequest, sequence?: string): WantedRights {
  return sequence?.startsWith(MIGRATIONS_TABLE) === true
    ? {}
    : { [request.roles.app.user]: ['USAGE'] };
}

/** The rights on a function of the schema `public`: the service may call it, everybody may not. */
export function functionRights(request: ProvisionRequest): WantedRights {
  return { [request.roles.app.user]: ['EXECUTE'] };
}

/** What lets every role into the database and its schemas, and nobody else. */
export function planAccess(
  state: CatalogState,
  request: ProvisionRequest,
): readonly ProvisionStep[] {
  return containers(state, request, granteesOf(request)).flatMap((granted) => grantSteps(granted));
}

/** What gives every role its rights on tables and functions, and takes from it and from everybody what is more. */
export function planGrants(
  state: CatalogState,
  request: ProvisionRequest,
): readonly ProvisionStep[] {
  const { owner: ownerLogin, app } = request.roles;
  const owner = ownerLogin.user;
  const grantees = granteesOf(request);
  const ownRelations = state.relations.filter((relation) => relation.owner === owner);
  return [
    ...ownRelations.map((relation) => relationRights(relation, request, grantees)),
    ...ownFunctions(state, request, grantees),
  ]
    .flatMap((granted) => grantSteps(granted))
    .concat(
      ownRelations.flatMap((relation) => columnSteps(relation, grantees)),
      serverFunctions(state, WRITING_FUNCTIONS, [], grantees),
      serverFunctions(state, LOCKING_FUNCTIONS, [owner, app.user], grantees),
    );
}

/** Everybody, and the roles of the service. */
export function granteesOf(request: ProvisionRequest): readonly string[] {
  return [EVERYBODY, ...requestedRoles(request).map(({ login }) => login.user)];
}

function containers(
  { database, schemas }: CatalogState,
  request: ProvisionRequest,
  grantees: readonly string[],
): readonly Granted[] {
  const { owner, app, reader } = request.roles;
  const readerMay = (right: string) => (reader === undefined ? {} : { [reader.user]: [right] });
  const ofDatabase: WantedRights = {
    // Migrations sort out old rows in temporary tables.
    [owner.user]: ['CONNECT', 'TEMPORARY'],
    [app.user]: ['CONNECT'],
    ...readerMay('CONNECT'),
  };
  const ofSchema: Readonly<Record<string, WantedRights>> = {
    public: {
      [EVERYBODY]: ['USAGE'],
      [owner.user]: ['USAGE', 'CREATE'],
      [app.user]: ['USAGE'],
      ...readerMay('USAGE'),
    },
    [OPERATOR_SCHEMA]: { [app.user]: ['USAGE'] },
  };
  return [
    {
      label: `database ${database.name}`,
      object: `DATABASE ${quoted(database.name)}`,
      ...database,
      wanted: ofDatabase,
      grantees,
    },
    ...schemas.map((schema) => ({
      label: `schema ${schema.name}`,
      object: `SCHEMA ${quoted(schema.name)}`,
      ...schema,
      wanted: ofSchema[schema.name] ?? {},
      grantees,
    })),
  ];
}

function relationRights(
  relation: RelationState,
  request: ProvisionRequest,
  grantees: readonly string[],
): Granted {
  const isSequence = relation.kind === 'S';
  const kind = isSequence ? 'sequence' : 'table';
  return {
    label: `${kind} ${relation.name}`,
    object: `${kind.toUpperCase()} public.${quoted(relation.name)}`,
    ...relation,
    wanted: isSequence
      ? sequenceRights(request, relation.sequenceOf ?? relation.name)
      : tableRights(request, relation.name),
    grantees,
  };
}

function ownFunctions(
  state: CatalogState,
  request: ProvisionRequest,
  grantees: readonly string[],
): readonly Granted[] {
  return state.functions
    .filter(
      ({ schema, owner }) =>
        schema === OPERATOR_SCHEMA || (schema === 'public' && owner === request.roles.owner.user),
    )
    .map((routine) => ({
      label: `function ${routine.signature}`,
      object: `ROUTINE ${routine.signature}`,
      ...routine,
      wanted: functionRights(request),
      grantees,
    }));
}

/** One step for all functions of a list: a managed server refuses it once. */
function serverFunctions(
  state: CatalogState,
  names: readonly string[],
  allowed: readonly string[],
  grantees: readonly string[],
): readonly ProvisionStep[] {
  const routines = state.functions.filter(
    ({ schema, name }) => schema === 'pg_catalog' && names.includes(name),
  );
  const listed = (isHeldBy: boolean, grantee: string) =>
    routines
      .filter(({ owner }) => owner !== grantee)
      .filter(({ acl }) => acl.some((grant) => grant.grantee === grantee) === isHeldBy)
      .map(({ signature }) => signature)
      .join(', ');
  const sql = grantees.flatMap((grantee) => {
    const isAllowed = allowed.includes(grantee);
    const wrong = listed(!isAllowed, grantee);
    if (wrong === '') return [];
    return isAllowed
      ? [`GRANT EXECUTE ON ROUTINE ${wrong} TO ${inSql(grantee)}`]
      : [`REVOKE EXECUTE ON ROUTINE ${wrong} FROM ${inSql(grantee)}`];
  });
  const who = allowed.length === 0 ? 'nobody' : `${allowed.map(called).join(' and ')} alone`;
  return sql.length === 0 ? [] : [optional(`functions ${names.join(', ')}: for ${who}`, ...sql)];
}

function grantSteps({
  label,
  object,
  owner,
  acl,
  wanted,
  grantees,
}: Granted): readonly ProvisionStep[] {
  return grantees
    .filter((grantee) => grantee !== owner)
    .flatMap((grantee) => {
      const held = acl.filter((grant) => grant.grantee === grantee);
      const asked = wanted[grantee] ?? [];
      const missing = asked.filter((right) => !held.some(({ privilege }) => privilege === right));
      const tooMuch = held.filter(({ privilege }) => !asked.includes(privilege));
      const passedOn = held.filter((grant) => grant.isGrantable && !tooMuch.includes(grant));
      return [
        ...revoke('', names(tooMuch), label, object, grantee),
        ...revoke('GRANT OPTION FOR ', names(passedOn), label, object, grantee),
        ...(missing.length === 0
          ? []
          : [
              essential(
                `${label}: ${missing.join(', ')} to ${called(grantee)}`,
                `GRANT ${missing.join(', ')} ON ${object} TO ${inSql(grantee)}`,
              ),
            ]),
      ];
    });
}

/** A right on a column stays where the one on the table is taken away. */
function columnSteps(
  { name, columns }: RelationState,
  grantees: readonly string[],
): readonly ProvisionStep[] {
  return columns
    .filter(({ grantee }) => grantees.includes(grantee))
    .map(({ column, grantee, privilege }) =>
      optional(
        `table ${name}: no ${privilege} (${column}) for ${called(grantee)}`,
        `REVOKE ${privilege} (${quoted(column)}) ON TABLE public.${quoted(name)} FROM ${inSql(grantee)}`,
      ),
    );
}

function revoke(
  option: string,
  rights: readonly string[],
  label: string,
  object: string,
  grantee: string,
): readonly ProvisionStep[] {
  if (rights.length === 0) return [];
  return [
    optional(
      `${label}: no ${option.toLowerCase()}${rights.join(', ')} for ${called(grantee)}`,
      `REVOKE ${option}${rights.join(', ')} ON ${object} FROM ${inSql(grantee)}`,
    ),
  ];
}

function names(grants: readonly Grant[]): readonly string[] {
  return [...new Set(grants.map(({ privilege }) => privilege))];
}

/** A grantee as people call it. */
export function called(grantee: string): string {
  return grantee === EVERYBODY ? 'everybody' : grantee;
}

/** A grantee as SQL has it. */
export function inSql(grantee: string): string {
  return grantee === EVERYBODY ? 'PUBLIC' : quoted(grantee);
}
