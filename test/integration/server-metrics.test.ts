import { describe, expect, it } from 'vitest';
import { POSTGRES_METRICS } from '#telemetry/postgres-metric-catalogue.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { SessionPeaks } from '#test/support/chaos/session-peaks.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

/** Samples of the server in a scrape, and the values of those that have no labels. */
async function scrape({ request }: TestService) {
  const askedAt = performance.now();
  const { text } = await request.get('/metrics').expect(200);
  const samples = parseExposition(text, 'text')
    .flatMap((family) => family.samples)
    .filter(({ name }) => name.startsWith('pg_'));
  return {
    tookMs: performance.now() - askedAt,
    names: new Set(samples.map(({ name }) => name)),
    values: new Map(samples.map(({ name, value }) => [name, value])),
  };
}

const whereUp = async (service: TestService, up: 0 | 1) =>
  await until(`pg_up is ${up}`, async () => {
    const found = await scrape(service);
    return found.values.get('pg_up') === up ? found : undefined;
  });

/** What is there although the server does not answer. */
const OF_SCRAPES = ['pg_up', 'pg_scrape_duration_seconds', 'pg_scrape_errors_total'];

describe('a scrape of the service', () => {
  it('holds every metric of the server while it answers', async () => {
    await using service = await buildTestService();

    const { names, values } = await whereUp(service, 1);

    expect([...names].toSorted()).toEqual(Object.keys(POSTGRES_METRICS).toSorted());
    expect(values.get('pg_scrape_age_seconds')).toBeLessThan(5);
    expect(values.get('pg_connections_used')).toBeGreaterThan(0);
    expect(values.get('pg_host_stats_available')).toBe(1);
    expect(values.get('pg_host_cpu_seconds_total')).toBeGreaterThan(0);
    expect(values.get('pg_host_memory_bytes')).toBeGreaterThan(1_000_000);
  });

  it('says that CPU and memory cannot be had where the server was not provisioned, and one line why', async () => {
    await using database = await TestDatabase.create();
    await database.query('drop schema tidegauge cascade');
    await using service = await buildTestService({ database });

    const { names, values } = await whereUp(service, 1);
    await scrape(service);

    const ofHost = [...names].filter((name) => name.startsWith('pg_host_'));
    expect(ofHost.toSorted()).toEqual(['pg_host_info', 'pg_host_stats_available']);
    expect(values.get('pg_host_stats_available')).toBe(0);
    const lines = service.logs.filter(({ event }) => event === 'db.host_figures.missing');
    expect(lines).toMatchObject([{ level: 'warn', fault: 'not_provisioned' }]);
  });

  it.each([
    ['refuses', (proxy: TcpProxy) => proxy.reset()],
    ['hangs', (proxy: TcpProxy) => proxy.drop()],
  ])(
    'says that a server which %s is not up, no figure of it, and all when it is back',
    async (_how, go) => {
      await using database = await TestDatabase.create();
      await using proxy = await TcpProxy.start(database.address);
      await using service = await buildTestService({
        database,
        env: {
          DATABASE_URL: database.url.replace(`:${database.address.port}/`, `:${proxy.port}/`),
        },
      });
      const before = await whereUp(service, 1);

      go(proxy);
      proxy.cut();
      const away = await whereUp(service, 0);
      proxy.letThrough();
      const after = await whereUp(service, 1);

      expect(away.tookMs).toBeLessThan(10_000);
      expect([...away.names].toSorted()).toEqual(
        [...OF_SCRAPES, 'pg_scrape_age_seconds'].toSorted(),
      );
      expect(away.values.get('pg_scrape_errors_total')).toBeGreaterThan(0);
      expect(away.values.get('pg_scrape_age_seconds')).toBeGreaterThan(4);
      expect(after.names).toEqual(before.names);
      expect(after.values.get('pg_scrape_errors_total')).toBeGreaterThan(0);
    },
  );

  it('says nothing of the server behind a pooler', async () => {
    await using service = await buildTestService({ env: { DB_POOLER: 'pgbouncer' } });

    expect((await scrape(service)).names).toEqual(new Set());
  });

  it('F22: opens one session at most, however many scrape and look at the pool', async () => {
    await using service = await buildTestService({
      env: {
        // Where anybody may look at the pool.
        NODE_ENV: 'development',
        DB_POOL_SIZE: '2',
        DB_MAX_OVERFLOW: '0',
        DB_QUEUE_LIMIT: '100',
        DB_ACQUIRE_TIMEOUT_MS: '8000',
      },
    });
    await until('the self-check is over', async () => {
      const { body } = await service.request.get('/info');
      return body.selfCheck.state === 'done' || undefined;
    });
    await using figures = new SessionPeaks(service.database.address, 'tidegauge/main/figures');

    await Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        await service.request.get(at % 2 === 0 ? '/metrics' : '/pool').expect(200);
        await service.request.get('/users?limit=1').expect(200);
      }),
    );
    await until('it was looked', () => (figures.looks > 10 ? true : undefined));

    expect(figures.pool).toBe(1);
    // The pool's two, the probe, and this one.
    expect(figures.service).toBeLessThanOrEqual(4);
  });
});
