import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { readBuildInfo, releaseOf } from '#config/build-info.ts';
import { redactSettings } from '#config/redact-settings.ts';
import type { ListenerSettings, Settings } from '#config/settings.ts';
import type { DatabaseObserver } from '#database/database-observer.ts';
import { composeObservers } from '#database/database-observer.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { startEmbeddedDatabase } from '#database/embedded/embedded-database.ts';
import { PROJECT_DATA_DIR } from '#database/embedded/running-embedded.ts';
import type { DatabaseVerdict } from '#database/health/database-verdict.ts';
import { explainSchemaError } from '#database/health/explain-schema-error.ts';
import { HealthProbe } from '#database/health/health-probe.ts';
import { migrate } from '#database/migrations/migrate.ts';
import { migrationChecksums } from '#database/migrations/migration-checksum.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import { sessionLimits } from '#database/pool-options.ts';
import { prepareDatabase } from '#database/prepare-database.ts';
import { askOverIdle } from '#database/self-check/ask-server.ts';
import { KNOWN_OF_EMBEDDED } from '#database/self-check/known-of-embedded.ts';
import { SelfCheck } from '#database/self-check/self-check.ts';
import { reportingOptions } from '#database/reporting-options.ts';
import type { ServerConnectionOptions } from '#database/server/server-connection.ts';
import { ServerMonitor } from '#database/server/server-monitor.ts';
import { ServicePools } from '#database/server/service-pools.ts';
import { BEHIND_POOLER, topStatementsOf } from '#database/server/top-statements.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { configuredWays } from '#database/ways-to-database.ts';
import type { WaysToDatabase } from '#database/ways-to-database.ts';
import { entities } from '#entities.ts';
import { seed } from '#features/seed.ts';
import { reportRoutes } from '#features/reports/report-routes.ts';
import { membershipRoutes } from '#features/teams/membership-routes.ts';
import { teamRoutes } from '#features/teams/team-routes.ts';
import { userRoutes } from '#features/users/user-routes.ts';
import { createApp, createManagementApp } from '#http/app.ts';
import type { ManagementDependencies } from '#http/app.ts';
import { healthSnapshot } from '#http/health-snapshot.ts';
import { infoReport } from '#http/info-report.ts';
import { requestIds } from '#http/request-scope.ts';
import type { Route } from '#http/route.ts';
import { startHttpServer } from '#http/server.ts';
import { SERVICE_PATHS } from '#http/service-paths.ts';
import { Closers } from '#lifecycle/closers.ts';
import { EventLoopWatch } from '#lifecycle/event-loop-watch.ts';
import { createDatabaseLog } from '#telemetry/database-log.ts';
import { createLogger } from '#telemetry/logger.ts';
import type { RootLogger } from '#telemetry/logger.ts';
import { createMetrics } from '#telemetry/metrics.ts';
import type { Metrics } from '#telemetry/metrics.ts';
import { createAcquireSpans } from '#telemetry/acquire-spans.ts';
import { sanitizeSql } from '#telemetry/sanitize-sql.ts';
import { createServerSpans } from '#telemetry/server-spans.ts';
import { createStreamSpans } from '#telemetry/stream-spans.ts';
import { createTracingLog } from '#telemetry/tracing-log.ts';
import { processTracing } from '#telemetry/tracing.ts';
import type { Tracing } from '#telemetry/tracing.ts';

/** What a caller, a test above all, may put in place of the service's own. */
export interface ServiceOverrides {
  readonly logger?: RootLogger;
  /** Routes beside the service's own. */
  readonly routes?: readonly Route[];
  /** `noMetrics` switches them off. */
  readonly metrics?: Metrics;
  /** Told of the database beside metrics and log. */
  readonly observer?: DatabaseObserver;
  /** State folder of the embedded server; default `.data/postgres` of the project. */
  readonly dataDir?: string;
  /** What is questionable about the settings, for `GET /info`. */
  readonly settingWarnings?: readonly string[];
  readonly migrationsDir?: string;
  /** In place of what the bootstrap of the process has started, if it has. */
  readonly tracing?: Tracing;
}

/** Where a service is, and where its database. */
export interface ServiceAddress {
  readonly url: string;
  /** Where metrics and the pool are; the API's own URL unless management has a listener. */
  readonly managementUrl: string;
  /** `host:port/database`, no credentials. */
  readonly database: string;
}

/** A service that is built but does nothing yet. */
export interface Service {
  readonly log: RootLogger;
  readonly sessions: DatabaseSessionManager;
  /** Sessions of the role that can only read; not open where the settings name none. */
  readonly reporting: DatabaseSessionManager;
  /**
   * Listens, then brings the database up: embedded server, migrations, first rows. Resolves when the API answers;
   * a database that cannot be reached delays readiness, not the start.
   */
  start(): Promise<ServiceAddress>;
  /** Resolves when the service wants traffic for the first time. */
  ready(): Promise<void>;
  /** Drains, lets requests finish, closes everything in reverse order. Never rejects; idempotent. */
  close(): Promise<void>;
}

const ROOT = new URL('../', import.meta.url);
const projectFile = (path: string) => fileURLToPath(new URL(path, ROOT));

const CLOSE_DEADLINE_MS = 10_000;
/** A collector that does not answer may not keep the process for longer. */
const FLUSH_DEADLINE_MS = 3000;
const STARTING: DatabaseVerdict = Object.freeze({
  state: 'starting',
  code: undefined,
  message: 'the service is starting',
  checkedAt: undefined,
  roundTripMs: undefined,
  serverVersion: undefined,
  pendingMigrations: [],
});

/** Wires one service; several can live in one process. */
export function buildService(settings: Settings, overrides: ServiceOverrides = {}): Service {
  const log =
    overrides.logger ??
    createLogger({ ...settings.log, service: processTracing.serviceName, scope: requestIds });
  const migrationsDir = overrides.migrationsDir ?? projectFile('migrations');
  const startedAt = new Date();
  const build = readBuildInfo(ROOT);
  const { name, version, commit } = build;
  const shownSettings = redactSettings(settings);
  const tracing = overrides.tracing ?? processTracing.current;
  const sessions = new DatabaseSessionManager();
  const reporting = new DatabaseSessionManager();
  const routes = [
    ...userRoutes,
    ...teamRoutes,
    ...membershipRoutes,
    ...reportRoutes,
    ...(overrides.routes ?? []),
  ];
  const stopping = new AbortController();
  const isReady = Promise.withResolvers<void>();
  let probe: HealthProbe | undefined;
  let monitor: ServerMonitor | undefined;
  let reportingMonitor: ServerMonitor | undefined;
  let selfCheck: SelfCheck | undefined;
  let starting: Promise<ServiceAddress> | undefined;
  /** When a statement of the pool was answered last. */
  let answeredAt = -Infinity;

  const verdict = () => probe?.verdict() ?? STARTING;
  const pools = new ServicePools({
    sessions,
    activity: () => monitor?.activity,
    probe: verdict,
    reporting,
    reportingActivity: () => reportingMonitor?.activity,
  });
  const poolStats = () => pools.stats();
  const tables = entities.map(({ meta }) => meta.tableName);
  const { slowQueryMs } = settings.database;
  const metrics =
    overrides.metrics ??
    createMetrics({
      version,
      commit,
      routes: [...routes.map(({ path }) => path), ...SERVICE_PATHS],
      poolStats,
      replicaStats: () => sessions.replicas(),
      serverFigures: async () => await monitor?.figures.report(),
      hostFigures: async () => await monitor?.hostFigures.report(),
      tables,
      slowQueryMs,
      readiness: () => ({
        state: stopping.signal.aborted ? 'draining' : verdict().state,
        migrationsPending:
          verdict().checkedAt === undefined ? undefined : verdict().pendingMigrations.length,
      }),
      postgresVersion: () => verdict().serverVersion,
      ...(tracing !== undefined && { droppedSpans: () => tracing.droppedSpans() }),
    });
  const observer = composeObservers([
    metrics.databaseObserver,
    createDatabaseLog(log, { poolStats, slowQueryMs, tables }),
    ...(tracing === undefined
      ? []
      : [createAcquireSpans(tracing.tracer), createStreamSpans(tracing.tracer)]),
    {
      verdictChanged(event) {
        if (event.to === 'up' || event.to === 'saturated') {
          warnOfEdited(verdict().editedMigrations);
          isReady.resolve();
        }
        selfCheck?.verdictChanged(event);
      },
      // Behind a pooler, an answer to a session is the sign of life: the probe has none of its own while it waits.
      ...(settings.database.pooler === 'pgbouncer' && {
        queryEnded({ pool, code }) {
          if (pool === settings.database.poolName && code === undefined) {
            answeredAt = performance.now();
          }
        },
      }),
    },
    ...(overrides.observer === undefined ? [] : [overrides.observer]),
  ]);
  const loop = new EventLoopWatch();
  const management: ManagementDependencies = {
    health: {
      snapshot: () =>
        healthSnapshot({
          verdict: verdict(),
          pool: sessions.isOpen ? sessions.stats() : undefined,
          reporting: reporting.isOpen
            ? { stats: reporting.stats(), gate: reporting.connectGate }
            : undefined,
          replicas: sessions.isOpen ? sessions.replicas() : [],
          certificatesExpireAt: poolStats().flatMap(({ certificatesExpireAt: at }) => at ?? []),
          eventLoopDelayMs: loop.p99Ms(),
          isDraining: stopping.signal.aborted,
        }),
    },
    metrics,
    pool: pools,
    topStatements: async (limit) =>
      monitor === undefined
        ? BEHIND_POOLER
        : await topStatementsOf(monitor.connection, limit, sanitizeSql),
    about: () =>
      infoReport({
        build,
        startedAt,
        postgres: verdict().serverVersion,
        selfCheck: selfCheck?.result(),
        settingWarnings: overrides.settingWarnings ?? [],
        settings: shownSettings,
      }),
    settings,
    log,
    observer: metrics.httpObserver,
    ...(tracing !== undefined && { tracer: createServerSpans(tracing.tracer) }),
  };
  const app = createApp({
    ...management,
    routes,
    sessionManager: {
      session: (work, options) => explainSchemaError(sessions.session(work, options), verdict),
    },
    reporting: () =>
      reporting.isOpen
        ? {
            session: (work, options) =>
              explainSchemaError(reporting.session(work, options), verdict),
          }
        : undefined,
    info: { name, version },
  });

  const closers = new Closers(({ name: resource, kind, deadlineMs, error }) =>
    log.error(
      { event: 'service.close.failed', resource, kind, deadline_ms: deadlineMs, err: error },
      'a resource did not close',
    ),
  );
  closers.add('metrics', () => metrics.close(), CLOSE_DEADLINE_MS);
  const endProblems = tracing?.onProblem(createTracingLog(log));
  closers.add(
    'traces',
    async () => {
      await tracing?.flush(Math.min(FLUSH_DEADLINE_MS, settings.shutdown.graceMs));
      endProblems?.();
    },
    CLOSE_DEADLINE_MS,
  );
  closers.add('event loop watch', () => loop.stop(), CLOSE_DEADLINE_MS);

  /** The schema is complete by name, and may still not be what the code was written for. */
  function warnOfEdited(migrations: readonly string[] = []): void {
    if (migrations.length > 0) {
      log.warn(
        { event: 'db.migrations.edited', migrations },
        'applied migrations have been edited since; npm run migrate refuses to go on',
      );
    }
  }

  /** What the keeper does is news; the server's own lines are for whoever looks for a fault. */
  function logEmbedded(line: string): void {
    const level = line.startsWith('embedded postgresql:') ? 'warn' : 'debug';
    log[level]({ event: 'db.embedded.log', line }, 'embedded server');
  }

  async function waysToDatabase(): Promise<WaysToDatabase> {
    const configured = configuredWays(settings.database);
    if (configured !== undefined) return configured;
    const embedded = await startEmbeddedDatabase({
      dataDir: overrides.dataDir ?? PROJECT_DATA_DIR,
      log: logEmbedded,
      settings: settings.database,
      tables,
    });
    closers.add('embedded server', () => embedded.stop(), CLOSE_DEADLINE_MS);
    const { ways, changes } = embedded;
    if (changes.length > 0) {
      log.info(
        { event: 'db.provisioned', changes: changes.length },
        'roles and rights of the embedded server changed',
      );
    }
    return ways;
  }

  async function prepare(migration: WaysToDatabase['migration']): Promise<void> {
    const { applied } = await migrate({
      connection: migration(),
      entities,
      migrationsDir,
      limits: settings.database.migrationLimits,
      release: releaseOf({ version, commit }),
      signal: stopping.signal,
      onRetry: ({ code, details }, waitMs) =>
        log.warn(
          { event: 'db.migrate.retried', code, sql_state: details.sqlState, wait_ms: waitMs },
          'a migration got no lock and was rolled back; it is tried again',
        ),
      onAdopted: (migrations) =>
        log.info(
          { event: 'db.migrations.adopted', migrations },
          'applied migrations without a checksum have that of their files now',
        ),
    });
    if (applied.length > 0) {
      log.info({ event: 'db.migrated', migrations: applied }, 'migrations applied');
    }
    if (
      settings.database.connection === undefined &&
      (await sessions.session(seed, { name: 'seed' }))
    ) {
      log.info({ event: 'db.seeded' }, 'an empty database got a few users and teams');
    }
  }

  /** Listens, and resolves to where. At its end the server first drains, then gives what is in flight the grace. */
  async function serve(
    name: string,
    listener: RequestListener,
    address: ListenerSettings & { readonly mayMovePort: boolean; readonly variablePrefix?: string },
    drainMs: number,
  ): Promise<string> {
    const { server, host, port } = await startHttpServer(
      listener,
      { ...settings.http, ...address },
      log,
    );
    const { graceMs } = settings.shutdown;
    closers.add(
      name,
      () => server.close({ drainMs, graceMs }),
      drainMs + graceMs + CLOSE_DEADLINE_MS,
    );
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /** Opened before the API and closed after it, so that the probes on it see the API drain. */
  async function serveManagement(address: ListenerSettings): Promise<string> {
    const ownAddress = { ...address, mayMovePort: false, variablePrefix: 'MANAGEMENT_' };
    const url = await serve('management server', createManagementApp(management), ownAddress, 0);
    log.info({ event: 'service.management.listening', url }, `management listens on ${url}`);
    return url;
  }

  /** Not awaited by the start: a server that is away for an hour is waited for, live and not ready. */
  async function bringUp(migration: WaysToDatabase['migration']): Promise<void> {
    if (settings.migrateOnStart) {
      await prepareDatabase({
        prepare: () => prepare(migration),
        onWaiting: () => void probe?.start(),
        signal: stopping.signal,
      }).catch((error: unknown) =>
        log.error({ event: 'db.migrate.failed', err: error }, 'migrations failed'),
      );
    }
    // What is missing since the service is being stopped is no news.
    if (!stopping.signal.aborted) await probe?.start();
  }

  /** Connects to nothing yet: that begins with the first report. */
  async function openReporting(connection: DatabaseConnection): Promise<void> {
    const { database, http, shutdown } = settings;
    const options = reportingOptions(database, connection, http.streamTimeoutMs);
    await reporting.init({ ...options, entities, observer });
    closers.add(
      'reporting sessions',
      () => reporting.close(shutdown.graceMs),
      shutdown.graceMs + CLOSE_DEADLINE_MS,
    );
    if (database.pooler === 'none') {
      const { poolName } = options;
      reportingMonitor = openMonitor({ connection, poolName, gate: reporting.connectGate });
    }
  }

  function openMonitor(options: ServerConnectionOptions): ServerMonitor {
    const opened = new ServerMonitor(options, observer);
    closers.add(`monitor of ${options.poolName}`, () => opened.close(), CLOSE_DEADLINE_MS);
    return opened;
  }

  async function start(): Promise<ServiceAddress> {
    const { connection, migration, reporting: reportingConnection } = await waysToDatabase();
    await sessions.init({ ...settings.database, connection, entities, observer });
    closers.add(
      'sessions',
      () => sessions.close(settings.shutdown.graceMs),
      settings.shutdown.graceMs + CLOSE_DEADLINE_MS,
    );
    const { poolName, pooler, direct } = settings.database;
    const isPooled = pooler === 'pgbouncer';
    const toServer = direct ?? (isPooled ? undefined : connection);
    if (toServer !== undefined) {
      // What one address refuses says nothing of another.
      const gate = direct === undefined ? sessions.connectGate : new ConnectGate();
      monitor = openMonitor({ connection: toServer, poolName, gate });
    }
    const directConnection = direct && monitor?.connection;
    const checksums = await migrationChecksums(migrationsDir);
    if (reportingConnection !== undefined) {
      await openReporting(reportingConnection);
    }
    const check = new SelfCheck({
      connection,
      plan: { settings: settings.database, requestTimeoutMs: settings.http.requestTimeoutMs },
      sessionSettings: sessionLimits(settings.database),
      gate: sessions.connectGate,
      askIdle: askOverIdle(sessions),
      ...(settings.database.connection === undefined && { known: KNOWN_OF_EMBEDDED }),
      observer,
    });
    selfCheck = check;
    closers.add('self-check', () => check.stop(), CLOSE_DEADLINE_MS);
    probe = new HealthProbe({
      connection,
      poolName,
      connectTimeoutMs: settings.database.connectTimeoutMs,
      sessionSettings: sessionLimits(settings.database),
      isPooled,
      expectedMigrations: [...checksums.keys()],
      migrationChecksums: checksums,
      poolStats: () => sessions.stats(),
      gate: sessions.connectGate,
      ...(directConnection !== undefined && {
        askDirectly: (text) => directConnection.ask(text),
      }),
      ...(isPooled && { sinceAnswerMs: () => performance.now() - answeredAt }),
      observer,
      hasReplicas: settings.database.replicas.length > 0,
      onRole: (role) => sessions.noteServer(role),
    });
    const health = probe;
    closers.add('health probe', () => health.stop(), CLOSE_DEADLINE_MS);
    const { listener } = settings.management;
    const managementUrl = listener && (await serveManagement(listener));
    const url = await serve('http server', app, settings.http, settings.shutdown.drainMs);
    log.info({ event: 'service.listening', url }, `listening on ${url}`);
    const preparing = bringUp(migration);
    closers.add('start', () => preparing, CLOSE_DEADLINE_MS);
    return {
      url,
      managementUrl: managementUrl ?? url,
      database: `${connection.host}:${connection.port}/${connection.database}`,
    };
  }

  return {
    log,
    sessions,
    reporting,
    start: () => (starting ??= start()),
    ready: () => isReady.promise,
    async close() {
      stopping.abort();
      // What a start opens after this would be left open; its failure is its caller's.
      await starting?.catch(() => undefined);
      await closers.closeAll();
    },
  };
}
