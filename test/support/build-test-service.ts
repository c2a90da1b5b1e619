import { randomBytes } from 'node:crypto';
import supertest from 'supertest';
import { parseSettings } from '#config/parse-settings.ts';
import { composeObservers } from '#database/database-observer.ts';
import type { DatabaseObserver } from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { DatabaseSessionManager } from '#database/session-manager.ts';
import { requestIds } from '#http/request-scope.ts';
import type { Route } from '#http/route.ts';
import { buildService } from '#service.ts';
import { createLogger } from '#telemetry/logger.ts';
import type { Metrics } from '#telemetry/metrics.ts';
import type { Tracing } from '#telemetry/tracing.ts';
import { keepTelemetry } from './canary/keep-telemetry.ts';
import { outputOfService } from './canary/service-output.ts';
import type { ServiceOutput } from './canary/service-output.ts';
import { replicaIs } from './replica-is.ts';
import { TestDatabase } from './test-database.ts';

export interface TestServiceOptions {
  /** Variables beside those that point at the file's own database. */
  readonly env?: Readonly<Record<string, string>>;
  /** Log in as a superuser instead of with the rights that a service has in production; say why. */
  readonly isAdministrator?: boolean;
  /** Routes of the test's own. */
  readonly routes?: readonly Route[];
  readonly observer?: DatabaseObserver;
  /** In place of the service's own. */
  readonly metrics?: Metrics;
  /** In place of the process's, which is off in tests. */
  readonly tracing?: Tracing;
  /** Use this database, which the caller drops, instead of a new clone. */
  readonly database?: TestDatabase;
  /** Keeps what it writes there instead of in the run's own folder, which is searched for values of rows. */
  readonly output?: ServiceOutput;
}

/** The real service on a free loopback port, on a database of its own. */
export interface TestService extends AsyncDisposable {
  readonly url: string;
  /** Where metrics and the pool are; the same, unless the environment has `MANAGEMENT_PORT`. */
  readonly managementUrl: string;
  /** supertest, bound to the service. */
  readonly request: ReturnType<typeof supertest>;
  readonly database: TestDatabase;
  readonly sessions: DatabaseSessionManager;
  /** Not open unless the environment has `REPORTING_DATABASE_URL`. */
  readonly reporting: DatabaseSessionManager;
  readonly activeSessions: number;
  /** Statements sent through the pool so far, those of transactions included. */
  readonly queries: number;
  /** Every line logged so far, parsed. */
  readonly logs: readonly Readonly<Record<string, unknown>>[];
  stats(): PoolStats;
  /** Stops the service and drops its database. */
  close(): Promise<void>;
}

/** Starts the service as `npm start` would, ready when the promise resolves. */
export async function buildTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const database = options.database ?? (await TestDatabase.create());
  // Who names a server of its own, by variables, has no copy of it.
  const isElsewhere = ['DATABASE_URL', 'DB_POOLER'].some(
    (name) => options.env?.[name] !== undefined,
  );
  const replicaUrl = isElsewhere ? undefined : database.replicaUrl;
  const logs: Record<string, unknown>[] = [];
  let queries = 0;
  const counter: DatabaseObserver = { queryEnded: () => void (queries += 1) };
  const token = options.env?.['MANAGEMENT_TOKEN'] ?? randomBytes(24).toString('base64url');
  const env = {
    NODE_ENV: 'test',
    PORT: '0',
    // Who says how the server is reached says all of it; the pooler of a project knows the administrator alone.
    ...(isElsewhere
      ? { DATABASE_URL: database.url }
      : { DATABASE_URL: database.urlAs('app'), ...(database.isPooled && database.env) }),
    ...(options.isAdministrator === true && database.env),
    LOG_LEVEL: 'debug',
    SHUTDOWN_GRACE_MS: '2000',
    ...(replicaUrl !== undefined && {
      DATABASE_REPLICA_URLS: replicaUrl,
      DB_REPLICA_MAX_LAG_MS: '60000',
    }),
    MANAGEMENT_TOKEN: token,
    ...options.env,
  };
  const { settings } = parseSettings(env);
  const output = options.output ?? outputOfService();
  output?.addSecretsOf(env);
  const service = buildService(settings, {
    logger: createLogger(
      { ...settings.log, format: 'json', scope: requestIds },
      {
        write: (line) => {
          output?.write('log', line);
          logs.push(JSON.parse(line));
        },
      },
    ),
    ...(options.routes !== undefined && { routes: options.routes }),
    ...(options.metrics !== undefined && { metrics: options.metrics }),
    ...(options.tracing !== undefined && { tracing: options.tracing }),
    observer: composeObservers([
      counter,
      ...(options.observer === undefined ? [] : [options.observer]),
    ]),
  });
  const close = async () => {
    if (output !== undefined) {
      await keepTelemetry(managementUrl, output, token);
    }
    await service.close();
    if (options.database === undefined) {
      await database.drop();
    }
  };
  const { url, managementUrl } = await service.start();
  await service.ready();
  if (replicaUrl !== undefined) {
    await replicaIs(service.sessions, 'usable');
  }
  return {
    url,
    managementUrl,
    request: supertest(url),
    database,
    sessions: service.sessions,
    reporting: service.reporting,
    get activeSessions() {
      return service.sessions.activeSessions;
    },
    get queries() {
      return queries;
    },
    logs,
    stats: () => service.sessions.stats(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
