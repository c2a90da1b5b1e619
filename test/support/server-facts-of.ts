import { parseSettings } from '#config/parse-settings.ts';
import type { ServicePlan } from '#database/self-check/finding.ts';
import type { DatabaseFacts, RoleFacts, ServerFacts } from '#database/self-check/server-facts.ts';

/** What differs from a server at which there is nothing to find. */
export interface FactsOverrides extends Partial<
  Omit<ServerFacts, 'settings' | 'database' | 'role'>
> {
  readonly settings?: Readonly<Record<string, string>>;
  readonly database?: Partial<DatabaseFacts>;
  readonly role?: Partial<RoleFacts>;
}

/** A server as the service would have it, except for what is said. */
export function serverFactsOf({
  settings,
  database,
  role,
  ...rest
}: FactsOverrides = {}): ServerFacts {
  return {
    version: '18.4',
    versionNumber: 180_004,
    isInRecovery: false,
    settings: {
      TimeZone: 'UTC',
      client_connection_check_interval: '1000',
      data_checksums: 'on',
      fsync: 'on',
      full_page_writes: 'on',
      idle_in_transaction_session_timeout: '10000',
      idle_session_timeout: '0',
      lock_timeout: '3000',
      log_error_verbosity: 'terse',
      log_min_duration_sample: '-1',
      log_min_duration_statement: '-1',
      log_parameter_max_length: '-1',
      log_parameter_max_length_on_error: '0',
      log_statement: 'ddl',
      log_transaction_sample_rate: '0',
      max_connections: '100',
      reserved_connections: '0',
      standard_conforming_strings: 'on',
      statement_timeout: '5000',
      superuser_reserved_connections: '3',
      synchronous_commit: 'on',
      tcp_keepalives_idle: '60',
      track_activities: 'on',
      transaction_timeout: '0',
      ...settings,
    },
    database: {
      name: 'tidegauge',
      encoding: 'UTF8',
      connectionLimit: -1,
      collationVersion: '2.36',
      actualCollationVersion: '2.36',
      ...database,
    },
    role: {
      name: 'app',
      isSuperuser: false,
      attributes: [],
      connectionLimit: -1,
      passwordSecondsLeft: undefined,
      passwordExpiresAt: undefined,
      ownedTables: 0,
      writableTables: 4,
      schema: 'public',
      mayCreateInSchema: false,
      mayCreateInDatabase: false,
      mayCreateTemporary: false,
      seesAllSessions: true,
      readsMigrations: true,
      ...role,
    },
    statementStatistics: { isLoaded: true, isInstalled: true },
    hasHostFigures: true,
    ...rest,
  };
}

/** What a service with these variables means to do; `app` at `db:5432/tidegauge`. */
export function servicePlanOf(env: Readonly<Record<string, string>> = {}): ServicePlan {
  const { settings } = parseSettings({ DATABASE_URL: 'postgres://app@db/tidegauge', ...env });
  return {
    settings: settings.database,
    connection: { host: 'db', port: 5432, database: 'tidegauge', user: 'app' },
    requestTimeoutMs: settings.http.requestTimeoutMs,
  };
}
