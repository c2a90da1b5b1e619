import type { CatalogState, RelationState } from './catalog-state.ts';
import { grantSteps } from './grant-steps.ts';
import type { Granted } from './grant-steps.ts';
import { called, EVERYBODY, granteesOf, inSql } from './grantee.ts';
import { LOCKING_FUNCTIONS, WRITING_FUNCTIONS } from './guarded-functions.ts';
import { OPERATOR_SCHEMA } from './operator-functions.ts';
import type { ProvisionRequest } from './provision-request.ts';
import { optional, quoted } from './provision-step.ts';
import type { ProvisionStep } from './provision-step.ts';
import { functionRights, sequenceRights, tableRights } from './wanted-rights.ts';
import type { WantedRights } from './wanted-rights.ts';

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
