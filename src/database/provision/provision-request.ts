import type { DatabaseSettings } from '#config/settings.ts';
import type { DatabaseConnection } from '#database/database-options.ts';

/** What a role is for. */
export type RoleKind = 'owner' | 'app' | 'reader';

/** Names of the roles where nobody chose others. */
export const ROLE_NAMES: Readonly<Record<RoleKind, string>> = {
  owner: 'tidegauge_owner',
  app: 'tidegauge_app',
  reader: 'tidegauge_reader',
};

/** Who logs in as a role; without a password, the role's own is left as it is. */
export type RoleLogin = Pick<DatabaseConnection, 'user' | 'password'>;

/** What a database is to be provided with. */
export interface ProvisionRequest {
  readonly roles: {
    /** Owns the tables, and migrates. */
    readonly owner: RoleLogin;
    /** The service. */
    readonly app: RoleLogin;
    /** Reports; undefined = there is none. */
    readonly reader: RoleLogin | undefined;
  };
  /**
   * What the role of the service is held to where the service itself cannot set it, behind a transaction pooler; and what
   * the connections of the reader must be enough for.
   */
  readonly settings: Pick<
    DatabaseSettings,
    | 'statementTimeoutMs'
    | 'lockTimeoutMs'
    | 'idleInTransactionTimeoutMs'
    | 'instances'
    | 'reportingPoolSize'
  >;
  /** Tables that are the service's, whoever owns them now. */
  readonly tables: readonly string[];
}

/** The roles that are asked for, by what they are for. */
export function requestedRoles(
  request: ProvisionRequest,
): readonly { readonly kind: RoleKind; readonly login: RoleLogin }[] {
  const { owner, app, reader } = request.roles;
  return [
    { kind: 'owner', login: owner },
    { kind: 'app', login: app },
    ...(reader === undefined ? [] : [{ kind: 'reader' as const, login: reader }]),
  ];
}
