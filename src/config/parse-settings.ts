import { ConfigError } from './config-error.ts';
import { CROSS_ADVICE, CROSS_RULES, holds, inWords, variablesOf } from './cross-rules.ts';
import { deepFreeze } from './deep-freeze.ts';
import { environmentSchema } from './environment-schema.ts';
import type { EnvironmentValues } from './environment-schema.ts';
import { FaultList } from './fault-list.ts';
import { readConnections } from './read-connections.ts';
import type { Connections } from './read-connections.ts';
import { readSecret } from './read-secret.ts';
import { tlsAdvice } from './read-tls.ts';
import { Secret } from './secret.ts';
import { MANAGEMENT_TOKEN } from './service-variables.ts';
import type { DatabaseConnectionSettings, Settings } from './settings.ts';
import { judgeUnreadVariables } from './unread-variables.ts';

const DEFAULT_PORT = 3000;

/** Environment variables by name; undefined = unset. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

export interface ParsedSettings {
  readonly settings: Settings;
  /** What is odd and yet works, one line each, without values. */
  readonly warnings: readonly string[];
}

/**
 * Makes settings of an environment and of the secret files it names. `isTerminal` tells whether
 * somebody reads along. Throws ConfigError with every fault at once.
 */
export function parseSettings(
  env: EnvironmentVariables,
  { isTerminal = false }: { readonly isTerminal?: boolean } = {},
): ParsedSettings {
  const faults = new FaultList();
  const values = readValues(env, faults);
  const token = readToken(values, faults);
  const connections = readConnections(values, faults);
  for (const rule of CROSS_RULES) {
    if (variablesOf(rule).some((variable) => faults.has(variable))) continue;
    if (!holds(rule, values)) faults.add(rule.smaller, inWords(rule, 'must'));
  }
  const isProduction = values.NODE_ENV === 'production';
  if (isProduction && values.LOG_FORMAT === 'pretty') {
    faults.add('LOG_FORMAT', 'must be json in production');
  }
  const { direct, migration } = connections;
  const hasWayToMigrate = direct !== undefined || migration !== undefined;
  if (values.DB_POOLER === 'pgbouncer' && values.MIGRATE_ON_START === true && !hasWayToMigrate) {
    faults.add(
      'MIGRATE_ON_START',
      'must be false behind a pooler, which cannot hold the lock of a migration, unless MIGRATION_DATABASE_URL or DATABASE_DIRECT_URL leads past it',
    );
  }
  if (values.DB_POOLER === 'pgbouncer') judgeWaysPast(connections, faults);
  if (/^(?:reporting$|replica-)/.test(values.DB_POOL_NAME)) {
    faults.add('DB_POOL_NAME', 'must not be a name of the pool of reports or of a replica');
  }
  judgeManagementListener(values, faults);
  const unread = judgeUnreadVariables(env, Object.keys(environmentSchema.shape));
  for (const { variable, fault } of unread.refused) faults.add(variable, fault);
  if (faults.lines().length > 0) throw new ConfigError(faults.lines());

  const warnings = [
    ...CROSS_ADVICE.filter((rule) => !holds(rule, values)).map(
      (rule) => `${rule.smaller} ${inWords(rule, 'should')}`,
    ),
    ...tlsAdvice(connections.connection?.tls),
    ...unread.warnings,
  ];
  return deepFreeze({ settings: assemble(values, token, connections, isTerminal), warnings });
}

/** Every variable by the schema; a faulty one is noted and stands at its default. */
function readValues(env: EnvironmentVariables, faults: FaultList): EnvironmentValues {
  const result = environmentSchema.safeParse(env);
  if (result.success) return result.data;
  for (const { path, message } of result.error.issues) faults.add(String(path[0]), message);
  const sound = Object.entries(env).filter(([variable]) => !faults.has(variable));
  return environmentSchema.parse(Object.fromEntries(sound));
}

function readToken(values: EnvironmentValues, faults: FaultList): Secret | undefined {
  const secret = readSecret('MANAGEMENT_TOKEN', values, faults);
  if (secret === undefined) return undefined;
  if (MANAGEMENT_TOKEN.pattern.test(secret.value)) return new Secret(secret.value);
  faults.add(secret.variable, `must hold ${MANAGEMENT_TOKEN.allowed.replaceAll('`', '')}`);
  return undefined;
}

function judgeWaysPast({ connection, direct, migration }: Connections, faults: FaultList): void {
  const isPooler = (way: DatabaseConnectionSettings | undefined) =>
    way !== undefined && way.host === connection?.host && way.port === connection.port;
  if (isPooler(direct)) {
    faults.add('DATABASE_DIRECT_URL', 'must lead to the server itself, not to its pooler');
  }
  if (isPooler(migration)) {
    faults.add('MIGRATION_DATABASE_URL', 'must lead to the server itself, not to its pooler');
  }
}

function judgeManagementListener(values: EnvironmentValues, faults: FaultList): void {
  const { HOST, PORT = DEFAULT_PORT, MANAGEMENT_HOST = HOST, MANAGEMENT_PORT } = values;
  if (MANAGEMENT_PORT === undefined) {
    if (values.MANAGEMENT_HOST !== undefined && !faults.has('MANAGEMENT_PORT')) {
      faults.add('MANAGEMENT_HOST', 'must be unset when MANAGEMENT_PORT is');
    }
  } else if (MANAGEMENT_PORT === PORT && MANAGEMENT_HOST === HOST && PORT !== 0) {
    faults.add('MANAGEMENT_PORT', 'must not be the port of the API');
  }
}

function assemble(
  values: EnvironmentValues,
  token: Secret | undefined,
  connections: Connections,
  isTerminal: boolean,
): Settings {
  const isDevelopment = values.NODE_ENV === 'development';
  return {
    environment: values.NODE_ENV,
    http: {
      host: values.HOST,
      port: values.PORT ?? DEFAULT_PORT,
      mayMovePort: isDevelopment && values.PORT === undefined,
      requestTimeoutMs: values.HTTP_REQUEST_TIMEOUT_MS,
      streamTimeoutMs: values.HTTP_STREAM_TIMEOUT_MS,
      bodyLimitBytes: values.HTTP_BODY_LIMIT,
      headersTimeoutMs: values.HTTP_HEADERS_TIMEOUT_MS,
      receiveTimeoutMs: values.HTTP_RECEIVE_TIMEOUT_MS,
      keepAliveMs: values.HTTP_KEEP_ALIVE_MS,
      maxConnections: values.HTTP_MAX_CONNECTIONS,
      maxInFlight: values.HTTP_MAX_IN_FLIGHT,
      trustProxy: values.TRUST_PROXY,
      trustTraceHeaders: values.TRUST_TRACE_HEADERS,
      corsOrigins: values.CORS_ORIGINS ?? [],
    },
    management: {
      token,
      listener:
        values.MANAGEMENT_PORT === undefined
          ? undefined
          : { host: values.MANAGEMENT_HOST ?? values.HOST, port: values.MANAGEMENT_PORT },
    },
    database: {
      ...connections,
      migrationLimits: {
        lockTimeoutMs: values.MIGRATION_LOCK_TIMEOUT_MS,
        lockRetryMs: values.MIGRATION_LOCK_RETRY_MS,
        statementTimeoutMs: values.MIGRATION_STATEMENT_TIMEOUT_MS,
      },
      replicaMaxLagMs: values.DB_REPLICA_MAX_LAG_MS,
      instances: values.DB_INSTANCES,
      reportingPoolSize: values.DB_REPORTING_POOL_SIZE,
      poolName: values.DB_POOL_NAME,
      poolSize: values.DB_POOL_SIZE,
      maxOverflow: values.DB_MAX_OVERFLOW,
      queueLimit: values.DB_QUEUE_LIMIT ?? 10 * (values.DB_POOL_SIZE + values.DB_MAX_OVERFLOW),
      acquireTimeoutMs: values.DB_ACQUIRE_TIMEOUT_MS,
      connectTimeoutMs: values.DB_CONNECT_TIMEOUT_MS,
      prePing: values.DB_POOL_PRE_PING,
      prePingIdleMs: values.DB_PRE_PING_IDLE_MS,
      prePingTimeoutMs: values.DB_PRE_PING_TIMEOUT_MS,
      leakThresholdMs: values.DB_LEAK_THRESHOLD_MS,
      slowQueryMs: values.DB_SLOW_QUERY_MS,
      idleTimeoutMs: values.DB_IDLE_TIMEOUT_MS,
      maxLifetimeMs: values.DB_MAX_LIFETIME_MS,
      statementTimeoutMs: values.DB_STATEMENT_TIMEOUT_MS,
      lockTimeoutMs: values.DB_LOCK_TIMEOUT_MS,
      idleInTransactionTimeoutMs: values.DB_IDLE_IN_TRANSACTION_TIMEOUT_MS,
      pooler: values.DB_POOLER,
      sqlCommenter: values.DB_SQL_COMMENTER,
    },
    log: {
      level: values.LOG_LEVEL,
      format: values.LOG_FORMAT ?? (isDevelopment && isTerminal ? 'pretty' : 'json'),
    },
    shutdown: {
      drainMs: values.SHUTDOWN_DRAIN_MS ?? (values.NODE_ENV === 'production' ? 5000 : 0),
      graceMs: values.SHUTDOWN_GRACE_MS,
    },
    migrateOnStart: values.MIGRATE_ON_START ?? connections.connection === undefined,
  };
}
