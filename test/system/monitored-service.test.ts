import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostFiguresFunction } from '#database/provision/host-figures-function.ts';
import { until } from '#test/support/until.ts';
import { TestAuthority } from '#test/support/certificates.ts';
import { readRuleGroups } from '#test/support/alerts/rule-groups.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { readDashboards } from '#test/support/dashboards/dashboard-json.ts';
import { dashboardTargets } from '#test/support/dashboards/dashboard-targets.ts';
import { createDatabase, withClient } from '#test/support/databases.ts';
import { OtlpReceiver } from '#test/support/otlp-receiver.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { heldAlerts } from '#test/support/system/alertmanager.ts';
import type { HeldAlert } from '#test/support/system/alertmanager.ts';
import { comparedExpressions } from '#test/support/system/compared-expressions.ts';
import { Monitoring, MONITORING_PROGRAMS } from '#test/support/system/monitoring.ts';
import { quickExpression } from '#test/support/system/quick-config.ts';
import { hasPrograms } from '#test/support/system/programs.ts';
import { LOAD_ENV, ScriptedLoad } from '#test/support/system/scripted-load.ts';
import type { Standby } from '#test/support/standby.ts';
import { TlsServer } from '#test/support/tls-server.ts';

const SERVICE = fileURLToPath(new URL('../support/system/test-service.ts', import.meta.url));

/** About what is not there, and the one that always fires: promtool has them. */
const WITHOUT_COMPARISON = new Set(['ServiceAbsent', 'Watchdog']);

/** Alerts that the script makes fire, and who is told. */
const LIVE = [
  ['DbPoolSaturated', 'critical', 'page'],
  ['DbPoolRejections', 'critical', 'page'],
  ['DbPoolLeak', 'warning', 'ticket'],
  ['DbSlowQueries', 'warning', 'ticket'],
  ['PgDeadlocks', 'warning', 'ticket'],
  ['DbReplicaUnusable', 'warning', 'ticket'],
  ['DbUnreachable', 'critical', 'page'],
  ['DbConnectFailures', 'critical', 'page'],
] as const;

/** Histograms whose exemplars lead on. */
const EXEMPLARS = ['http_server_request_duration_seconds', 'db_client_operation_duration_seconds'];
/** Probes and scrapes have spans, but no line in the log. */
const LOGGED = 'http_route!~"/metrics|/readyz"';

const { alerts, recorded: recordingRules } = readRuleGroups();

// The script may end before it has made all of them.
/** What the dashboards ask Prometheus, with ranges of the test. */
const targets = new Map(
  [
    ...Map.groupBy(
      dashboardTargets(readDashboards()).filter(({ source }) => source === 'prometheus'),
      ({ dashboard }) => dashboard,
    ),
  ].map(([dashboard, asked]) => [dashboard, asked.map(({ expr }) => quickExpression(expr))]),
);

let server: TlsServer | undefined;
let standby: Standby | undefined;
let service: ServiceProcess | undefined;
let collector: OtlpReceiver;
let monitoring: Monitoring;
let load: ScriptedLoad;
/** What Alertmanager knew while the server was away. */
let held: readonly HeldAlert[];

/** The story that everything here is about: an ordinary day, a pool that is too small, a replica that goes away, a server that does. */
async function runScript(): Promise<void> {
  const authority = await TestAuthority.create('known');
  const identity = await authority.issue({
    commonName: 'db',
    names: [{ type: 'ip', value: '127.0.0.1' }],
  });
  server = await TlsServer.start(identity, authority, { deadlock_timeout: '200ms' });
  const database = await createDatabase(server.address, 'template1');
  await withClient({ ...server.address, database }, async (client) => {
    for (const statement of hostFiguresFunction()) await client.query(statement);
  });
  standby = await server.startStandby();
  collector = await OtlpReceiver.start();
  service = await ServiceProcess.start({
    entry: SERVICE,
    env: {
      ...LOAD_ENV,
      DATABASE_URL: databaseUrl({ ...server.address, database }),
      DATABASE_REPLICA_URLS: databaseUrl({ ...standby.server.connection, database }),
      DB_SSL_MODE: 'verify-full',
      DB_SSL_ROOT_CERT: server.files.write('root.crt', authority.pem),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
  });
  await service.logged('service.ready');
  monitoring = await Monitoring.start(service.url);
  load = new ScriptedLoad(service.url);
  await load.everyday();
  const saturation = load.saturate();
  await monitoring.sink.told('DbPoolSaturated');
  await saturation.stop();
  for (let round = 0; round < 10; round += 1) {
    await load.everyday();
    await load.statementsByTheDozen();
    await load.replaceConnections();
  }
  await standby.stop();
  await load.leak();
  await load.deadlock();
  const slow = load.slowStatements();
  await Promise.all(
    ['DbPoolLeak', 'DbSlowQueries', 'PgDeadlocks', 'DbReplicaUnusable'].map((alert) =>
      monitoring.sink.told(alert),
    ),
  );
  await slow.stop();
  await load.flood();
  await monitoring.sink.told('DbPoolRejections');
  const insisting = load.insist();
  await server[Symbol.asyncDispose]();
  await Promise.all(
    ['DbUnreachable', 'DbConnectFailures'].map((alert) => monitoring.sink.told(alert)),
  );
  held = await heldAlerts(monitoring.alertmanagerUrl);
  await insisting.stop();
}

describe.runIf(hasPrograms(...MONITORING_PROGRAMS))('a service with a real Prometheus', () => {
  beforeAll(runScript);

  // oxlint-disable-next-line eslint/no-empty-pattern -- vitest reads the parameter's text and wants a pattern.
  afterAll(async ({}, { tasks }) => {
    const hasFailed = tasks.some(({ result }) => result?.state !== 'pass');
    await service?.end();
    await collector?.[Symbol.asyncDispose]();
    await monitoring?.end({ keepFiles: hasFailed });
    await standby?.stop();
    await server?.[Symbol.asyncDispose]();
  });

  it.each(LIVE)('%s is told to a receiver, as %s', async (alertname, severity, receiver) => {
    const told = await monitoring.sink.told(alertname);

    expect(told).toMatchObject({
      receiver,
      labels: { severity, job: 'tidegauge' },
      annotations: {
        summary: expect.stringMatching(/./),
        runbook_url: expect.stringMatching(/^docs\/runbooks\/[a-z-]+\.md$/),
      },
    });
  });

  it('pages for the server, and for nothing that follows from its being away', () => {
    const names = (alerts: readonly { readonly labels: Readonly<Record<string, string>> }[]) =>
      alerts.map(({ labels }) => labels['alertname'] ?? '');
    const follows = (name: string) => name.startsWith('DbPool') || name === 'DbReplicaUnusable';
    const following = held.filter(({ labels }) => follows(labels['alertname'] ?? ''));
    const told = names(monitoring.sink.notifications.filter(({ status }) => status === 'firing'));
    const toldAfter = told.slice(told.indexOf('DbUnreachable'));

    expect(names(following)).toEqual(
      expect.arrayContaining(['DbPoolRejections', 'DbReplicaUnusable']),
    );
    expect(following.filter(({ status }) => status.inhibitedBy.length === 0)).toEqual([]);
    expect(toldAfter.filter(follows)).toEqual([]);
  });

  it('has been asked everything the script asks', () => {
    expect(load.statuses).toMatchObject({
      200: expect.any(Number),
      201: expect.any(Number),
      404: expect.any(Number),
      422: expect.any(Number),
      500: expect.any(Number),
      503: expect.any(Number),
    });
  });

  it.each(alerts.map(({ alert, expr }) => [alert, expr]))(
    'gives both sides of every comparison in %s data',
    async (alert, expr) => {
      const sides = comparedExpressions(quickExpression(expr));

      const empty = await emptyOf(sides);

      expect(empty).toEqual([]);
      expect(sides.length > 0 || WITHOUT_COMPARISON.has(alert)).toBe(true);
    },
  );

  it('reads from the replica while it is there, and from the primary afterwards', async () => {
    const served = 'db_client_connection_use_time_seconds_count';
    const fallbacks = 'increase(db_replica_fallbacks_total{reason="unusable"}[5s]) > 0';

    const empty = await emptyOf([
      'db_replica_usable == 1',
      `increase(${served}{db_client_connection_pool_name="replica-1"}[5s]) > 0`,
      'db_replica_usable == 0',
      `${fallbacks} and on () db_replica_usable == 0`,
    ]);

    expect(empty).toEqual([]);
  });

  it.each(EXEMPLARS)('leads from the exemplars of %s to spans', async (name) => {
    const ids = await monitoring.prometheus.exemplars(`${name}_bucket`, monitoring.time);

    // Spans leave in batches: those of the last scrape may be on their way.
    const missing = () => {
      const spans = new Set(collector.spans.map(({ traceId }) => traceId));
      return ids.filter((id) => !spans.has(id));
    };
    await until('the spans have arrived', () => missing().length === 0 || undefined);
    expect(ids.length).toBeGreaterThan(10);
    expect(missing()).toEqual([]);
  });

  it.each(EXEMPLARS)('leads from the exemplars of %s to log lines', async (name) => {
    const series = `${name}_bucket{${LOGGED}}`;
    const ids = await monitoring.prometheus.exemplars(series, monitoring.time);

    const lines = new Set(service?.logs.map(({ trace_id: id }) => id));
    expect(ids.length).toBeGreaterThan(10);
    expect(ids.filter((id) => !lines.has(id))).toEqual([]);
  });

  it.each([...targets.keys()])('gives every target of the dashboard %s data', async (dashboard) => {
    const empty = await emptyOf(targets.get(dashboard) ?? []);

    expect(empty).toEqual([]);
  });

  it('would be caught giving none: what is not there, and what is not a number, has no data', async () => {
    const named = 'db_client_connection_count{db_client_connection_state="used"}';
    const misnamed = 'db_client_connection_count{db_client_connection_state="busy"}';

    const empty = await emptyOf([named, misnamed, '0 / (0 * up)', 'up']);

    expect(empty).toEqual([misnamed, '0 / (0 * up)']);
  });

  it('gives every recording rule data', async () => {
    const recorded = recordingRules.map(({ record }) => record);

    expect(await emptyOf(recorded)).toEqual([]);
    expect(recorded.length).toBeGreaterThan(0);
  });
});

/** Those expressions that had no number at any moment of the run. */
async function emptyOf(expressions: readonly string[]): Promise<string[]> {
  const { prometheus, time } = monitoring;
  const isEmpty = await Promise.all(
    expressions.map(async (expression) => {
      const series = await prometheus.range(expression, time);
      return !series.some(({ values }) => values.some((value) => !Number.isNaN(value)));
    }),
  );
  return expressions.filter((_, at) => isEmpty[at]);
}
