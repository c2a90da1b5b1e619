import type { EntitySchema } from '@mikro-orm/core';
import type { Options } from '@mikro-orm/postgresql';
import type { MigrationLimits } from '#config/settings.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { ormOptions } from '#database/orm-options.ts';
import { ConnectionPool } from '#database/pool/connection-pool.ts';
import { lockedMigratorExtension } from './locked-migrator.ts';
import type { LockedMigrator, LockedMigratorOptions } from './locked-migrator.ts';
import { MigrationFileGenerator } from './migration-file-generator.ts';
import { MIGRATIONS_TABLE } from './migration-records.ts';

/** The folder holds the schema's snapshot as well. */
export interface MigrationOrmParts extends Omit<LockedMigratorOptions, 'limits' | 'release'> {
  readonly connection: DatabaseConnection;
  readonly entities: readonly EntitySchema[];
  /** Default: those of docs/configuration.md. */
  readonly limits?: MigrationLimits;
  /** Which build of the service this is, for the record; default `unknown`. */
  readonly release?: string;
  /** What the command line calls in place of the migrator. */
  readonly wrap?: (migrator: LockedMigrator) => LockedMigrator;
}

/** How long a migration may keep others waiting, when nothing else is said. */
export const DEFAULT_MIGRATION_LIMITS: MigrationLimits = Object.freeze({
  lockTimeoutMs: 5000,
  lockRetryMs: 30_000,
  statementTimeoutMs: 0,
});

const CONNECT_TIMEOUT_MS = 5000;
const NEVER = '0';

/** Sessions that migrate write. Their limits are read back when they are opened, and set again for each migration. */
const SESSION_SETTINGS = {
  default_transaction_read_only: 'off',
  idle_in_transaction_session_timeout: NEVER,
  idle_session_timeout: NEVER,
  // A client whose machine is gone is noticed after 25 s, which frees its lock.
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
};

/**
 * MikroORM's options for migrations, the same for the command line, `npm run migrate` and the start of the service.
 * One physical connection does everything, so that the lock and the work it guards live and die together.
 */
export function migrationOrmOptions({
  connection,
  entities,
  limits = DEFAULT_MIGRATION_LIMITS,
  release = 'unknown',
  wrap,
  ...rest
}: MigrationOrmParts): Options {
  const pool = new ConnectionPool({
    connection,
    applicationName: 'tidegauge/migrate',
    poolName: 'migrate',
    poolSize: 1,
    maxOverflow: 0,
    queueLimit: 10,
    acquireTimeoutMs: 2 * CONNECT_TIMEOUT_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    idleTimeoutMs: Infinity,
    maxLifetimeMs: Infinity,
    prePing: false,
    prePingIdleMs: 0,
    prePingTimeoutMs: 0,
    leakThresholdMs: 0,
    statementTimeoutMs: limits.statementTimeoutMs,
    isPreparing: false,
    // A run sets what it needs, and its one connection holds the lock.
    isResetting: false,
    isPooled: false,
    sessionSettings: {
      ...SESSION_SETTINGS,
      lock_timeout: String(limits.lockTimeoutMs),
      statement_timeout: String(limits.statementTimeoutMs),
    },
  });
  return {
    ...ormOptions({ pool, database: connection.database, entities, contextName: 'default' }),
    // The operator's: made by npm run db:provision.
    schemaGenerator: { ignoreSchema: ['tidegauge'] },
    extensions: [lockedMigratorExtension({ ...rest, limits, release }, wrap)],
    migrations: {
      tableName: MIGRATIONS_TABLE,
      path: rest.migrationsDir,
      emit: 'ts',
      generator: MigrationFileGenerator,
      transactional: true,
      // Each migration commits by itself: locks are short, and what is applied stays applied.
      allOrNothing: false,
      snapshot: true,
      snapshotName: '.snapshot',
      // Written by migration:create alone: a server must not rewrite a file of the repository.
      snapshotOnMigrate: false,
    },
  };
}
