import { MIGRATIONS_TABLE } from '#database/migrations/migration-records.ts';
import type { CatalogState, RelationState } from './catalog-state.ts';
import {
  OPERATOR_FUNCTIONS,
  OPERATOR_SCHEMA,
  operatorSchemaComment,
} from './operator-functions.ts';
import type { OperatorFunction } from './operator-functions.ts';
import type { ProvisionRequest } from './provision-request.ts';
import { essential, literal, optional, quoted } from './provision-step.ts';
import type { ProvisionStep } from './provision-step.ts';

/** As MikroORM makes it; made before the first migration, the service's role has no right to write to it at any time. */
const MIGRATIONS_COLUMNS =
  '"id" serial PRIMARY KEY, "name" varchar(255), "executed_at" timestamptz(6) DEFAULT CURRENT_TIMESTAMP(6)';

const KIND: Readonly<Record<RelationState['kind'], string>> = {
  r: 'TABLE',
  p: 'TABLE',
  v: 'VIEW',
  m: 'MATERIALIZED VIEW',
  f: 'FOREIGN TABLE',
  S: 'SEQUENCE',
};

/**
 * What gives database and schemas an owner of their own: whoever owns one may create in it, whatever is granted. And the
 * schema of the operator's functions.
 */
export function planContainers(
  { administrator, database, schemas }: CatalogState,
  request: ProvisionRequest,
): readonly ProvisionStep[] {
  const isOurs = (name: string) => limitedRoles(request).includes(name);
  return [
    ...(isOurs(database.owner)
      ? [
          optional(
            `database ${database.name}: owned by ${administrator.name} instead of ${database.owner}`,
            `ALTER DATABASE ${quoted(database.name)} OWNER TO ${quoted(administrator.name)}`,
          ),
        ]
      : []),
    ...schemas
      .filter((schema) => isOurs(schema.owner))
      .map((schema) =>
        optional(
          `schema ${schema.name}: owned by ${administrator.name} instead of ${schema.owner}`,
          `ALTER SCHEMA ${quoted(schema.name)} OWNER TO ${quoted(administrator.name)}`,
        ),
      ),
    ...(schemas.some(({ name }) => name === OPERATOR_SCHEMA)
      ? []
      : [optional(`schema ${OPERATOR_SCHEMA}: created`, `CREATE SCHEMA ${OPERATOR_SCHEMA}`)]),
  ];
}

/** What makes the objects exist that must, and hands over those that belong to the wrong role. */
export function planObjects(
  state: CatalogState,
  request: ProvisionRequest,
): readonly ProvisionStep[] {
  return [
    ...migrationsTable(state, request),
    ...handovers(state, request),
    ...operatorObjects(state),
  ];
}

/** What stays with a role that provisioning does not touch, one line each. */
export function foreignRelations(
  state: CatalogState,
  request: ProvisionRequest,
): readonly string[] {
  return independent(state)
    .filter(({ owner }) => owner !== request.roles.owner.user)
    .filter((relation) => !isHandedOver(relation, state, request))
    .map(({ name, owner }) => `public.${name} belongs to ${owner}, and is left as it is`);
}

function migrationsTable(state: CatalogState, request: ProvisionRequest): readonly ProvisionStep[] {
  if (state.relations.some(({ name }) => name === MIGRATIONS_TABLE)) return [];
  const table = `public.${quoted(MIGRATIONS_TABLE)}`;
  return [
    optional(
      `table ${MIGRATIONS_TABLE}: created`,
      `CREATE TABLE ${table} (${MIGRATIONS_COLUMNS})`,
      `ALTER TABLE ${table} OWNER TO ${quoted(request.roles.owner.user)}`,
    ),
  ];
}

function handovers(state: CatalogState, request: ProvisionRequest): readonly ProvisionStep[] {
  const owner = request.roles.owner.user;
  const relations = independent(state)
    .filter((relation) => isHandedOver(relation, state, request))
    .map((relation) =>
      (request.tables.includes(relation.name) ? essential : optional)(
        `${KIND[relation.kind].toLowerCase()} ${relation.name}: owned by ${owner} instead of ${relation.owner}`,
        `ALTER ${KIND[relation.kind]} public.${quoted(relation.name)} OWNER TO ${quoted(owner)}`,
      ),
    );
  const functions = state.functions
    .filter(({ schema }) => schema === 'public')
    .filter((routine) => limitedRoles(request).includes(routine.owner))
    .map((routine) =>
      optional(
        `function ${routine.signature}: owned by ${owner} instead of ${routine.owner}`,
        `ALTER ROUTINE ${routine.signature} OWNER TO ${quoted(owner)}`,
      ),
    );
  return [...relations, ...functions];
}

/** Objects that others made for themselves stay theirs: the tables of the service are taken from anybody. */
function isHandedOver(
  { name, owner }: RelationState,
  { administrator }: CatalogState,
  request: ProvisionRequest,
): boolean {
  return (
    owner !== request.roles.owner.user &&
    ([administrator.name, ...limitedRoles(request)].includes(owner) ||
      [...request.tables, MIGRATIONS_TABLE].includes(name))
  );
}

/** The comment of the schema says of which release they are, and is made with them or not at all; what is missing is made again. */
function operatorObjects(state: CatalogState): readonly ProvisionStep[] {
  const schema = state.schemas.find(({ name }) => name === OPERATOR_SCHEMA);
  if (schema === undefined) return [];
  const comment = operatorSchemaComment(OPERATOR_FUNCTIONS);
  const isThere = ({ signature }: OperatorFunction) =>
    state.functions.some((found) => found.signature === signature);
  return [
    ...(schema.comment === comment && OPERATOR_FUNCTIONS.every(isThere)
      ? []
      : [
          optional(
            `schema ${OPERATOR_SCHEMA}: ${OPERATOR_FUNCTIONS.map(({ name }) => name).join(', ')}`,
            ...OPERATOR_FUNCTIONS.flatMap(({ statements }) => statements),
            `COMMENT ON SCHEMA ${OPERATOR_SCHEMA} IS ${literal(comment)}`,
          ),
        ]),
    // Of GET /pool/queries. It counts on a server alone that loads it; one in another schema stays there.
    ...(state.lacksStatementStatistics
      ? [
          optional(
            `schema ${OPERATOR_SCHEMA}: statistics of statements`,
            `CREATE EXTENSION pg_stat_statements SCHEMA ${OPERATOR_SCHEMA}`,
          ),
        ]
      : []),
  ];
}

/** A sequence that is a column's goes where its table goes. */
function independent({ relations }: CatalogState): readonly RelationState[] {
  return relations.filter(({ sequenceOf }) => sequenceOf === null);
}

/** Those that may own nothing. */
function limitedRoles({ roles: { app, reader } }: ProvisionRequest): readonly string[] {
  return [app.user, ...(reader === undefined ? [] : [reader.user])];
}
