import { afterEach, describe, expect, it } from 'vitest';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const TOKEN = 'a-token-of-the-test-and-of-nothing-else';
const POOL = 'db_client_connection_pool_name';
const SOON = { timeout: 5000, interval: 20 };

let closing: AsyncDisposableStack | undefined;

afterEach(async () => {
  await closing?.disposeAsync();
});

/** The service, whose reports go to its own server through a proxy. */
async function started(env: Readonly<Record<string, string>> = {}) {
  closing = new AsyncDisposableStack();
  const database = closing.use(await TestDatabase.create());
  const { host, port } = database.address;
  const proxy = closing.use(await TcpProxy.start({ host, port }));
  const url = new URL(database.url);
  url.host = `${proxy.host}:${proxy.port}`;
  const service = closing.use(
    await buildTestService({
      database,
      env: { REPORTING_DATABASE_URL: url.href, MANAGEMENT_TOKEN: TOKEN, ...env },
    }),
  );
  return { service, proxy };
}

const management = (service: TestService, method: 'get' | 'post', path: string) =>
  service.request[method](path).set('Authorization', `Bearer ${TOKEN}`);

async function poolsIn(service: TestService, metric: string): Promise<string[]> {
  const { text } = await service.request.get('/metrics').buffer(true);
  const families = parseExposition(text, 'text');
  const samples = families.find(({ name }) => name === metric)?.samples ?? [];
  return [...new Set(samples.map(({ labels }) => labels[POOL] ?? ''))].toSorted();
}

describe('a server of reports that is away', () => {
  it('is asked by nobody, and is nobody else’s trouble', async () => {
    const { service, proxy } = await started();

    await proxy.refuse();

    expect(proxy.accepted).toBe(0);
    expect((await service.request.get('/readyz')).body).toEqual({ status: 'up' });
    expect((await service.request.get('/users')).status).toBe(200);
  });

  it('fails its reports, warns of itself in /healthz and /pool, and is used again when it is back', async () => {
    const { service, proxy } = await started();
    await proxy.refuse();

    const failed = await service.request.get('/reports/signups');
    const { body: health } = await management(service, 'get', '/healthz');
    const { body: report } = await management(service, 'get', '/pool');

    expect(failed.status).toBe(503);
    expect(failed.body.code).toBe('DB_CONNECT_REFUSED');
    expect(health).toMatchObject({
      status: 'warn',
      checks: { 'database:reporting': [{ status: 'warn', code: 'DB_CONNECT_REFUSED' }] },
    });
    expect(report).toMatchObject({
      pool: 'main',
      verdict: 'healthy',
      pools: [{ pool: 'reporting', verdict: 'database down' }],
    });
    expect((await service.request.get('/readyz')).body).toEqual({ status: 'up' });

    await proxy.listen();
    await expect
      .poll(async () => (await service.request.get('/reports/signups')).status, SOON)
      .toBe(200);
    const { body: healed } = await management(service, 'get', '/healthz');
    expect(healed.checks['database:reporting']).toMatchObject([{ status: 'pass' }]);
  });
});

describe('the pool of reports', () => {
  it('has gauges and counters of its own, before it is used', async () => {
    const { service } = await started();

    for (const metric of [
      'db_client_connection_count',
      'db_client_connection_max',
      'db_client_connection_timeouts_total',
      'db_sessions_active',
      'db_client_slow_queries_total',
    ]) {
      expect([metric, await poolsIn(service, metric)]).toEqual([metric, ['main', 'reporting']]);
    }
  });

  it('is shown by whom it is held, with what its server says of that, and is evicted with the main one', async () => {
    const { service } = await started();
    const left = Promise.withResolvers<void>();
    const held = service.reporting.session(
      async (db) => {
        await db.execute('select 1');
        await left.promise;
      },
      { readOnly: true, snapshot: true, name: 'a report' },
    );
    await expect.poll(() => service.reporting.stats().used, SOON).toBe(1);
    await expect.poll(() => service.reporting.holders()[0]?.queryMs, SOON).toBeUndefined();

    const { body: report } = await management(service, 'get', '/pool');
    const evicted = await management(service, 'post', '/pool/evict');

    expect(report.pools).toMatchObject([
      {
        pool: 'reporting',
        used: 1,
        holders: [{ name: 'a report', server: { state: 'idle in transaction' } }],
        server: { answer: 'given' },
      },
    ]);
    expect(evicted.status).toBe(202);
    expect(evicted.body).toMatchObject({
      pool: 'main',
      pools: [{ pool: 'reporting', retired: 0, retiring: 1 }],
    });
    left.resolve();
    await held;
    await expect.poll(() => service.reporting.stats().total, SOON).toBe(0);
  });

  it('is none where the settings name none', async () => {
    closing = new AsyncDisposableStack();
    const service = closing.use(await buildTestService({ env: { MANAGEMENT_TOKEN: TOKEN } }));

    const answer = await service.request.get('/reports/signups');

    expect(answer.status).toBe(503);
    expect(answer.body.code).toBe('NOT_CONFIGURED');
    expect(await poolsIn(service, 'db_client_connection_count')).toEqual(['main']);
    const { body: report } = await management(service, 'get', '/pool');
    expect(report.pools).toEqual([]);
    const { body: health } = await management(service, 'get', '/healthz');
    expect(health.checks).not.toHaveProperty('database:reporting');
  });
});
