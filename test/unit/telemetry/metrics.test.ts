import { collectDefaultMetrics, Registry, register } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { METRICS } from '#telemetry/metric-catalogue.ts';
import { createMetrics, type Metrics, type MetricsSources } from '#telemetry/metrics.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { hostReportOf, serverReportOf } from '#test/support/server-report-of.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3';

const pool = poolStatsOf();

const sources: MetricsSources = {
  version: '0.1.0',
  commit: 'abc1234',
  routes: ['/users', '/users/:id'],
  tables: ['users', 'teams'],
  slowQueryMs: 200,
  poolStats: () => [pool],
  serverFigures: async () => serverReportOf(),
  hostFigures: async () => hostReportOf(),
  readiness: () => ({ state: 'up', migrationsPending: 0 }),
  postgresVersion: () => '18.4',
};

const threePools = ['main', 'reporting', 'tests'].map((name) => poolStatsOf({ name }));

const open: Metrics[] = [];

function metricsOf(changes: Partial<MetricsSources> = {}): Metrics {
  const metrics = createMetrics({ ...sources, ...changes });
  open.push(metrics);
  return metrics;
}

afterEach(() => {
  for (const metrics of open.splice(0)) {
    metrics.close();
  }
});

async function scrape(metrics: Metrics): Promise<Map<string, number>> {
  const { body } = await metrics.render('text/plain');
  const samples = parseExposition(body, 'text').flatMap((family) => family.samples);
  return new Map(
    samples.map(({ name, labels, value }) => [
      [name, ...Object.values(labels).toSorted()].join(' '),
      value,
    ]),
  );
}

async function samplesOf(metrics: Metrics, prefix: string): Promise<Record<string, number>> {
  const all = await scrape(metrics);
  return Object.fromEntries([...all].filter(([key]) => key.startsWith(prefix)));
}

describe('a scrape', () => {
  it('is text 0.0.4 unless OpenMetrics is asked for by name', async () => {
    const metrics = metricsOf();

    const text = await metrics.render('*/*');
    const openMetrics = await metrics.render(OPENMETRICS);

    expect(text.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(openMetrics.contentType).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
  });

  it('satisfies a strict parser in both formats, a hundred times in turn', async () => {
    const metrics = metricsOf();
    const names = Object.keys(METRICS);
    const families = names.map((name) =>
      METRICS[name as keyof typeof METRICS].type === 'counter' ? name.replace(/_total$/, '') : name,
    );

    const seen: { text: string[]; openMetrics: string[] }[] = [];
    for (let round = 0; round < 100; round += 1) {
      const text = parseExposition((await metrics.render(undefined)).body, 'text');
      const openMetrics = parseExposition((await metrics.render(OPENMETRICS)).body, 'openmetrics');
      seen.push({
        text: text.map(({ name }) => name),
        openMetrics: openMetrics.map(({ name }) => name),
      });
    }

    expect(new Set(seen.map((round) => round.text.toSorted().join()))).toEqual(
      new Set([names.toSorted().join()]),
    );
    expect(new Set(seen.map((round) => round.openMetrics.toSorted().join()))).toEqual(
      new Set([families.toSorted().join()]),
    );
  });

  it('holds the definitions of the catalogue', async () => {
    const { body } = await metricsOf().render(undefined);

    const rendered = parseExposition(body, 'text').map(({ name, type, help }) => ({
      name,
      type,
      help,
    }));

    const defined = Object.entries(METRICS).map(([name, { type, help }]) => ({ name, type, help }));
    expect(rendered.toSorted(byName)).toEqual(defined.toSorted(byName));
  });

  it('holds label values only of the closed sets', async () => {
    const metrics = metricsOf();
    metrics.databaseObserver.connectionFailed?.({
      pool: 'main',
      code: 'DB_NOT_FOUND',
      host: 'h',
      port: 1,
      message: '',
    });

    const { body } = await metrics.render(undefined);

    const strangers = parseExposition(body, 'text').flatMap(({ name, samples }) => {
      const closed: Readonly<Record<string, readonly string[] | string>> =
        METRICS[name as keyof typeof METRICS].labels;
      return samples.flatMap(({ labels }) =>
        Object.entries(labels).filter(([label, value]) => {
          const values = closed[label];
          return (
            label !== 'le' &&
            (values === undefined || (typeof values !== 'string' && !values.includes(value)))
          );
        }),
      );
    });
    expect(strangers).toEqual([]);
  });

  it('has every default metric of prom-client, under its name and type', async () => {
    const defaults = new Registry();
    collectDefaultMetrics({ register: defaults });

    const missing = (await defaults.getMetricsAsJSON()).filter(({ name, type }) => {
      const own = Object.entries(METRICS).find(([known]) => known === name)?.[1];
      return own?.type !== String(type);
    });

    expect(missing).toEqual([]);
  });

  it('has the same series after 900,000 events of the database as before the first', async () => {
    const metrics = metricsOf({ poolStats: () => threePools });
    const { databaseObserver: told } = metrics;
    const before = [...(await scrape(metrics)).keys()].filter((key) => key.startsWith('db_'));

    for (let at = 0; at < 100_000; at += 1) {
      const pool = threePools[at % 3]?.name ?? '';
      const event = {
        pool,
        holder: `holder ${at}`,
        scope: { traceId: String(at) },
        heldMs: at,
        pid: at,
      };
      told.acquireEnded?.({ ...event, outcome: 'queued', waitedMs: at });
      told.leaseEnded?.(event);
      told.leaseLeaked?.({ ...event, stack: undefined });
      told.leaseReclaimed?.({ ...event, reason: 'end' });
      told.pingEnded?.({ pool, pid: at, outcome: 'failed', durationMs: at });
      told.connectionOpened?.({ pool, pid: at, durationMs: at });
      told.connectionClosed?.({ pool, pid: at, reason: 'broken', ageMs: at });
      told.queryCancelled?.(event);
      told.sessionRetried?.({ pool, session: `session ${at}`, outcome: 'budget' });
    }

    const after = [...(await scrape(metrics)).keys()].filter((key) => key.startsWith('db_'));
    expect(after).toEqual(before);
  });
});

function byName(one: { name: string }, other: { name: string }): number {
  return one.name < other.name ? -1 : 1;
}

describe('two services in one process', () => {
  it('count apart, and leave the global registry empty', async () => {
    const one = metricsOf();
    const other = metricsOf();

    one.databaseObserver.connectionOpened?.({ pool: 'main', pid: 1, durationMs: 1 });

    const key = 'db_client_connection_opened_total main';
    expect((await scrape(one)).get(key)).toBe(1);
    expect((await scrape(other)).get(key)).toBe(0);
    expect(register.getMetricsAsArray()).toEqual([]);
  });
});

describe('a source that throws', () => {
  const fail = () => {
    throw new Error('no');
  };

  it('makes its own gauges absent and nothing else', async () => {
    const metrics = metricsOf({
      poolStats: fail,
      serverFigures: async () => fail(),
      hostFigures: async () => fail(),
      readiness: fail,
      postgresVersion: fail,
    });

    const samples = await scrape(metrics);

    const keys = [...samples.keys()].join('\n');
    expect(keys).not.toMatch(/db_client_connection_count|pg_|tidegauge_ready|tidegauge_migrations/);
    expect(keys).toMatch(/tidegauge_build_info .*unknown/);
    expect(keys).toMatch(/process_cpu_seconds_total/);
  });

  it('takes away what it had said before', async () => {
    let stats: () => readonly PoolStats[] = () => [pool];
    const metrics = metricsOf({ poolStats: () => stats() });
    const before = await samplesOf(metrics, 'db_client_connection_max');

    stats = fail;

    expect(before).toEqual({ 'db_client_connection_max main': 15 });
    expect(await samplesOf(metrics, 'db_client_connection_max')).toEqual({});
  });
});

describe('gauges of the service', () => {
  it('say 1 for the current state of readiness and 0 for the others', async () => {
    const metrics = metricsOf({
      readiness: () => ({ state: 'migrations_pending', migrationsPending: 3 }),
    });

    expect(await samplesOf(metrics, 'tidegauge_ready')).toEqual({
      'tidegauge_ready starting': 0,
      'tidegauge_ready up': 0,
      'tidegauge_ready saturated': 0,
      'tidegauge_ready down': 0,
      'tidegauge_ready migrations_pending': 1,
      'tidegauge_ready read_only': 0,
      'tidegauge_ready draining': 0,
    });
    expect(await samplesOf(metrics, 'tidegauge_migrations')).toEqual({
      tidegauge_migrations_pending: 3,
    });
  });

  it('say nothing of migrations while their number is not known', async () => {
    const metrics = metricsOf({ readiness: () => ({ state: 'down' }) });

    expect(await samplesOf(metrics, 'tidegauge_migrations')).toEqual({});
  });

  it('name the version of the server once it has been seen', async () => {
    const server: { version?: string } = {};
    const metrics = metricsOf({ postgresVersion: () => server.version });
    const first = await samplesOf(metrics, 'tidegauge_build_info');

    server.version = '15.14';

    expect(Object.keys(first).join()).toContain('unknown');
    expect(Object.keys(await samplesOf(metrics, 'tidegauge_build_info'))).toHaveLength(1);
    expect(Object.keys(await samplesOf(metrics, 'tidegauge_build_info')).join()).toContain('15.14');
  });
});

describe('gauges of the process', () => {
  it('hold real figures', async () => {
    const metrics = metricsOf();
    await metrics.render(undefined);
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 50);
    await promise;

    const samples = await scrape(metrics);

    expect(samples.get('nodejs_heap_limit_bytes')).toBeGreaterThan(10_000_000);
    expect(samples.get('nodejs_heap_size_used_bytes')).toBeGreaterThan(1_000_000);
    expect(samples.get('nodejs_eventloop_utilization')).toBeLessThanOrEqual(1);
    expect(samples.get('nodejs_eventloop_lag_p99_seconds')).toBeLessThan(5);
    expect(samples.get('process_cpu_seconds_total')).toBeGreaterThan(0.01);
    expect(samples.get('nodejs_active_resources_total')).toBeGreaterThanOrEqual(0);
  });
});
