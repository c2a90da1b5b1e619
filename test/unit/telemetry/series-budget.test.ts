import { afterAll, beforeAll, expect, it } from 'vitest';
import type { QueryEnded } from '#database/database-observer.ts';
import { ERROR_CODES } from '#telemetry/metric-labels.ts';
import type { MetricDefinition } from '#telemetry/metric-definition.ts';
import { createMetrics, type Metrics } from '#telemetry/metrics.ts';
import { POSTGRES_METRICS } from '#telemetry/postgres-metric-catalogue.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';
import { requestScope } from '#test/support/request-scope.ts';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';
const EVENTS = 1_000_000;

const pools = ['main', 'reporting', 'tests'];
const routes = Array.from({ length: 40 }, (_, at) => `/r${at}`);
const tables = Array.from({ length: 40 }, (_, at) => `t${at}`);
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'X'];
const statuses = [
  200, 201, 202, 204, 304, 400, 401, 404, 405, 406, 408, 409, 412, 413, 415, 422, 431, 499, 500,
  503, 504,
];
const operations = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'START', 'COMMIT', 'VACUUM'];
const scopes = [
  requestScope({ hasSession: true, isSampled: true }),
  requestScope({ hasSession: true }),
  requestScope(),
];

let metrics: Metrics;

beforeAll(() => {
  metrics = createMetrics({
    version: '1',
    commit: '1',
    routes,
    tables,
    slowQueryMs: 200,
    poolStats: () => pools.map((name) => poolStatsOf({ name })),
    serverFigures: () => Promise.resolve(undefined),
    hostFigures: () => Promise.resolve(undefined),
    readiness: () => ({ state: 'up', migrationsPending: 0 }),
    postgresVersion: () => '18',
  });
});

afterAll(() => metrics.close());

/** The same sequence in every run. */
function pick<T>(of: readonly T[], at: number): T {
  const found = of[(at * 2_654_435_761) % of.length];
  if (found === undefined) {
    throw new Error('nothing to pick from');
  }
  return found;
}

function request(method: string, route: string, status: number, at: number): void {
  metrics.httpObserver.requestStarted({ method });
  metrics.httpObserver.requestEnded({
    method,
    route,
    status,
    durationMs: at % 997,
    scope: pick(scopes, at),
  });
}

function query(operation: string, collection: string, at: number): void {
  const event: QueryEnded = {
    pool: pick(pools, at),
    server: { host: '127.0.0.1', port: 5432, database: 'tidegauge' },
    holder: `holder ${at}`,
    scope: pick(scopes, at),
    text: `select ${at}`,
    operation,
    collection,
    durationMs: at % 997,
    code: at % 2 === 0 ? undefined : (pick(ERROR_CODES, at) as QueryEnded['code']),
    isStream: false,
    sqlState: undefined,
  };
  metrics.databaseObserver.queryEnded?.(event);
}

async function seriesOf(names: RegExp): Promise<number> {
  const { body } = await metrics.render(OPENMETRICS);
  return parseExposition(body, 'openmetrics')
    .filter(({ name }) => names.test(name))
    .reduce((sum, { samples }) => sum + samples.length, 0);
}

/** What the server's own figures may have at most, whoever is asked for them. */
function seriesOfServer(): number {
  return Object.values<MetricDefinition>(POSTGRES_METRICS)
    .map(({ labels }) =>
      Object.values(labels).reduce(
        (product, values) => product * (typeof values === 'string' ? 1 : values.length),
        1,
      ),
    )
    .reduce((sum, series) => sum + series, 0);
}

it('there are fewer than 5,000 series with three pools, and no more after 1,000,000 events of any kind', async () => {
  for (let at = 0; at < routes.length * methods.length * statuses.length; at += 1) {
    const status = statuses[at % statuses.length] ?? 0;
    const method = methods[Math.floor(at / statuses.length) % methods.length] ?? '';
    request(method, routes[Math.floor(at / statuses.length / methods.length)] ?? '', status, at);
    query(pick(operations, at), pick(tables, at), at);
  }
  const before = await seriesOf(/^(?:db|http)_/);

  for (let at = 0; at < EVENTS; at += 1) {
    if (at % 2 === 0) {
      request(at % 4 === 0 ? `M${at}` : 'GET', `/random/${at}`, pick(statuses, at), at);
    } else {
      query(at % 3 === 0 ? `OP${at}` : 'SELECT', `table_${at}`, at);
    }
  }

  expect(await seriesOf(/^(?:db|http)_/)).toBe(before);
  expect(before).toBeGreaterThan(4000);
  expect((await seriesOf(/^(?!pg_)/)) + seriesOfServer()).toBeLessThan(5000);
});

it('a scrape of all of them costs less than 50 ms of CPU time', async () => {
  await metrics.render(OPENMETRICS);

  const started = process.cpuUsage();
  for (let round = 0; round < 10; round += 1) {
    await metrics.render(OPENMETRICS);
  }

  const { user, system } = process.cpuUsage(started);
  const ms = (user + system) / 1000 / 10;
  process.stdout.write(`a scrape of all series: ${ms.toFixed(1)} ms of CPU time\n`);
  expect(ms).toBeLessThan(50);
});
