import type { EntitySchema } from '@mikro-orm/core';
import type { Secret } from '#config/secret.ts';
import type { DatabaseConnectionSettings, DatabaseSettings } from '#config/settings.ts';
import type { DatabaseObserver } from './database-observer.ts';

/** One server and who we are to it; whatever reveals a password will do as one. */
export interface DatabaseConnection extends Omit<DatabaseConnectionSettings, 'password'> {
  readonly password: Pick<Secret, 'reveal'> | undefined;
}

/** What a session manager is built from: the settings of one database, its entities, who is told. */
export interface DatabaseOptions extends Omit<
  DatabaseSettings,
  | 'connection'
  | 'direct'
  | 'migration'
  | 'migrationLimits'
  | 'reporting'
  | 'instances'
  | 'reportingPoolSize'
  | 'slowQueryMs'
  | 'replicas'
  | 'replicaMaxLagMs'
> {
  readonly connection: DatabaseConnection | undefined;
  /** Replicas of the same server, for sessions that only read; none unless told. */
  readonly replicas?: readonly DatabaseConnection[];
  /** A replica that is further behind is not read from. */
  readonly replicaMaxLagMs?: number;
  /** Its sessions only read, so that a standby will do. Absent: they write, and a standby is not connected to. */
  readonly mayBeStandby?: boolean;
  /** Entities that sessions can load and persist; none = sessions for raw SQL only. */
  readonly entities?: readonly EntitySchema[];
  readonly observer?: DatabaseObserver;
}

/** The defaults of docs/configuration.md, for a manager that is given a URL alone. */
export const DEFAULT_DATABASE_OPTIONS: DatabaseOptions = Object.freeze({
  connection: undefined,
  poolName: 'main',
  poolSize: 5,
  maxOverflow: 10,
  queueLimit: 150,
  acquireTimeoutMs: 2000,
  connectTimeoutMs: 1000,
  prePing: true,
  prePingIdleMs: 500,
  prePingTimeoutMs: 500,
  leakThresholdMs: 10_000,
  idleTimeoutMs: 60_000,
  maxLifetimeMs: 1_800_000,
  statementTimeoutMs: 5000,
  lockTimeoutMs: 3000,
  idleInTransactionTimeoutMs: 10_000,
  pooler: 'none',
  sqlCommenter: false,
});
