import type { ProvisionRequest, RoleKind } from './provision-request.ts';

/** What a role is made, and held to. */
export interface WantedRole {
  /** As `pg_roles` has them, by the words of SQL. */
  readonly attributes: Readonly<Record<string, boolean>>;
  /** -1 = no limit of its own. */
  readonly connectionLimit: number;
  /** Defaults of its sessions, by the server's names. */
  readonly settings: Readonly<Record<string, string>>;
  /** Roles of the server that it is a member of. */
  readonly memberships: readonly string[];
}

/** For the service's own figures: the sessions of other roles. `pg_monitor` would also open settings and scans. */
const SEES_SESSIONS = 'pg_read_all_stats';

/** Of an instance with few connections for reports: people read, too. */
const LEAST_READERS = 10;
/** Beside the pool of reports: the connection over which the server is asked about them. */
const READERS_BESIDE_POOL = 1;

/** What no session of ours needs to say. */
const COMMON = {
  search_path: 'public',
  // The statements of a client that was killed end, instead of running on.
  client_connection_check_interval: '1s',
  // Values of rows stay out of the log of the server.
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
  log_error_verbosity: 'terse',
} as const;

/** What every role may beyond its rights: log in. */
const ATTRIBUTES = {
  LOGIN: true,
  INHERIT: false,
  CREATEDB: false,
  CREATEROLE: false,
  REPLICATION: false,
  BYPASSRLS: false,
} as const;

/** What the role is to be. Settings that the service makes for its own sessions come first: they win over these. */
export function wantedRole(kind: RoleKind, request: ProvisionRequest): WantedRole {
  const { statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs } = request.settings;
  switch (kind) {
    case 'owner':
      return {
        attributes: ATTRIBUTES,
        connectionLimit: -1,
        // A migration takes the time it takes, but keeps nobody waiting for its locks.
        settings: {
          ...COMMON,
          statement_timeout: '0',
          lock_timeout: '5s',
          idle_in_transaction_session_timeout: '1min',
        },
        memberships: [],
      };
    case 'app':
      return {
        // What it sees of other sessions comes by membership.
        attributes: { ...ATTRIBUTES, INHERIT: true },
        connectionLimit: -1,
        settings: {
          ...COMMON,
          statement_timeout: String(statementTimeoutMs),
          lock_timeout: String(lockTimeoutMs),
          idle_in_transaction_session_timeout: String(idleInTransactionTimeoutMs),
        },
        memberships: [SEES_SESSIONS],
      };
    case 'reader':
      return {
        attributes: ATTRIBUTES,
        connectionLimit: readersOf(request.settings),
        settings: {
          ...COMMON,
          // No barrier, since a session may switch it off: the barrier is that the role has no right to write.
          default_transaction_read_only: 'on',
          statement_timeout: '30s',
          lock_timeout: '3s',
          idle_in_transaction_session_timeout: '10s',
          temp_file_limit: '256MB',
        },
        memberships: [],
      };
    default:
      return kind satisfies never;
  }
}

/** Each instance is there twice during a rolling release. */
function readersOf({ instances, reportingPoolSize }: ProvisionRequest['settings']): number {
  return instances * Math.max(LEAST_READERS, 2 * (reportingPoolSize + READERS_BESIDE_POOL));
}
