/** One right on one object. */
export interface Grant {
  /** A role, or `EVERYBODY`. */
  readonly grantee: string;
  readonly privilege: string;
  readonly isGrantable: boolean;
}

export interface RoleState {
  readonly name: string;
  readonly isSuperuser: boolean;
  readonly attributes: Readonly<Record<string, boolean>>;
  readonly connectionLimit: number;
  /** `name=value`, as `ALTER ROLE … SET` has left them. */
  readonly settings: readonly string[];
  /** The same for this database alone, which win over the others. */
  readonly databaseSettings: readonly string[];
}

/** A role of ours is a member of another. */
export interface Membership {
  readonly member: string;
  readonly role: string;
  readonly isSuperuser: boolean;
}

interface OwnedObject {
  readonly owner: string;
  readonly acl: readonly Grant[];
}

/** A table, a view or a sequence of the schema `public` that no extension brought. */
export interface RelationState extends OwnedObject {
  readonly name: string;
  /** As in `pg_class.relkind`. */
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f' | 'S';
  /** The table that the sequence is a column's of. */
  readonly sequenceOf: string | null;
  /** Rights on single columns. */
  readonly columns: readonly (Grant & { readonly column: string })[];
}

export interface FunctionState extends OwnedObject {
  readonly schema: string;
  readonly name: string;
  /** `schema.name(argument types)`, quoted for SQL. */
  readonly signature: string;
}

/** What objects will be given that a role makes later. */
export interface DefaultGrants {
  /** Null = in every schema. */
  readonly schema: string | null;
  readonly kind: 'r' | 'S' | 'f' | 'T' | 'n';
  readonly acl: readonly Grant[];
}

/** What the server has of all that provisioning is about, read at one moment. */
export interface CatalogState {
  /** `server_version_num` div 10000. */
  readonly major: number;
  readonly administrator: { readonly name: string; readonly isSuperuser: boolean };
  readonly database: OwnedObject & { readonly name: string };
  /** Those of the roles in question that exist. */
  readonly roles: readonly RoleState[];
  readonly memberships: readonly Membership[];
  /** `public` and `tidegauge`, where they exist. */
  readonly schemas: readonly (OwnedObject & {
    readonly name: string;
    readonly comment: string | null;
  })[];
  readonly relations: readonly RelationState[];
  /** Of `public` and `tidegauge`, and those of the server itself that provisioning takes from everybody. */
  readonly functions: readonly FunctionState[];
  /** The server has the extension pg_stat_statements, and the database does not. */
  readonly lacksStatementStatistics: boolean;
  /** Of the owner's role. */
  readonly defaults: readonly DefaultGrants[];
}
