import type { Secret } from './secret.ts';

export type Environment = 'development' | 'test' | 'production';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** What the process runs with: read once, validated, deeply frozen. */
export interface Settings {
  readonly environment: Environment;
  readonly http: HttpSettings;
  readonly management: ManagementSettings;
  readonly database: DatabaseSettings;
  readonly log: LogSettings;
  readonly shutdown: ShutdownSettings;
  /** Apply pending migrations before serving. */
  readonly migrateOnStart: boolean;
}

/** The API's listener. Milliseconds and bytes. */
export interface HttpSettings extends ListenerSettings {
  /** Nobody chose the port and this is no production: the next free one will do. */
  readonly mayMovePort: boolean;
  /** Deadline of a handler; of a streamed answer, for its beginning, and for each part to be taken. */
  readonly requestTimeoutMs: number;
  /** Deadline of a whole streamed answer. */
  readonly streamTimeoutMs: number;
  readonly bodyLimitBytes: number;
  /** Deadline for the head of a request; never above `receiveTimeoutMs`. */
  readonly headersTimeoutMs: number;
  /** Deadline for a whole request to arrive. */
  readonly receiveTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly maxConnections: number;
  readonly maxInFlight: number;
  readonly trustProxy: boolean;
  /** Whether `traceparent` of a caller decides which trace a request is a part of. */
  readonly trustTraceHeaders: boolean;
  /** Origins that may call from a browser; empty = none. */
  readonly corsOrigins: readonly string[];
}

/** Who may see the inside of the service, and where. */
export interface ManagementSettings {
  /** Undefined = outside development, what it guards is closed, unless it has a listener of its own. */
  readonly token: Secret | undefined;
  /** A listener of its own; undefined = on that of the API. */
  readonly listener: ListenerSettings | undefined;
}

/** Where to listen. */
export interface ListenerSettings {
  /** Name or address; an IPv6 address has no brackets. */
  readonly host: string;
  /** 0 = a free port, chosen by the system. */
  readonly port: number;
}

/** The pool and the server sessions it opens. Milliseconds. */
export interface DatabaseSettings {
  /** Undefined = the embedded server. */
  readonly connection: DatabaseConnectionSettings | undefined;
  /** The same server past its pooler; undefined = there is no other way than `connection`. */
  readonly direct: DatabaseConnectionSettings | undefined;
  /** The same server as the role that owns the schema; undefined = `direct`, else `connection`. */
  readonly migration: DatabaseConnectionSettings | undefined;
  /** How long a migration may keep others waiting. */
  readonly migrationLimits: MigrationLimits;
  /** As the role that can only read; undefined = that of the embedded server, or none. */
  readonly reporting: DatabaseConnectionSettings | undefined;
  /** Replicas, for sessions that only read. */
  readonly replicas: readonly DatabaseConnectionSettings[];
  /** A replica that is further behind is not read from. */
  readonly replicaMaxLagMs: number;
  /** Instances of the service that share the server. */
  readonly instances: number;
  /** Connections for reports, beside those of the pool. */
  readonly reportingPoolSize: number;
  readonly poolName: string;
  /** Connections kept. */
  readonly poolSize: number;
  /** Further connections under demand: the hard bound is `poolSize + maxOverflow`. */
  readonly maxOverflow: number;
  /** Waiters beyond it are refused at once. */
  readonly queueLimit: number;
  readonly acquireTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Ask the server whether it is still there before a connection that was idle is used. */
  readonly prePing: boolean;
  /** Connections idle for longer are asked. */
  readonly prePingIdleMs: number;
  readonly prePingTimeoutMs: number;
  /** Leases held for longer are reported; 0 = none. */
  readonly leakThresholdMs: number;
  /** Statements that take longer are counted and logged; 0 = none. */
  readonly slowQueryMs: number;
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  /** `pgbouncer`: transaction pooling, hence no named statements and no session state. */
  readonly pooler: 'none' | 'pgbouncer';
  /** Tell the server, in a comment on each statement of a recorded trace, where it comes from. */
  readonly sqlCommenter: boolean;
}

/** What bounds a migration. Milliseconds. */
export interface MigrationLimits {
  /** A statement that waits longer for a lock is given up, and its migration rolled back; 0 = it waits for ever. */
  readonly lockTimeoutMs: number;
  /** For how long such a migration is tried again; 0 = not at all. */
  readonly lockRetryMs: number;
  /** 0 = a statement takes the time it takes. */
  readonly statementTimeoutMs: number;
}

/** One PostgreSQL server and who we are to it. */
export interface DatabaseConnectionSettings {
  /** Name or address; an IPv6 address has no brackets. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** As read at the start; undefined = the server asks for none. */
  readonly password: Secret | undefined;
  /** When set, the password is read from here again for every new connection. */
  readonly passwordFile?: string;
  /** Absent = plain text. */
  readonly tls?: TlsSettings;
}

/**
 * How a connection is protected. `require`: encrypted, whoever answers; `verify-ca`: with a certificate that an authority
 * vouches for, whatever its name; `verify-full`: of this very host.
 */
export interface TlsSettings extends TlsFiles {
  readonly mode: 'require' | 'verify-ca' | 'verify-full';
}

/** Paths of files in PEM, read again for every new connection. */
export interface TlsFiles {
  /** Authorities that may vouch for the server; undefined = those that Node trusts. */
  readonly rootCertFile?: string;
  /** What we show the server, and its key: both or neither. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
}

/** Milliseconds: announcing the end, then waiting for requests in flight. */
interface ShutdownSettings {
  readonly drainMs: number;
  readonly graceMs: number;
}
