import { afterEach, describe, expect, it } from 'vitest';
import type { PoolReport } from '#database/pool/pool-report.ts';
import { getDb } from '#database/session-manager.ts';
import { defineRoute } from '#http/route.ts';
import type { Route } from '#http/route.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService, TestServiceOptions } from '#test/support/build-test-service.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

// A page that people look at while everything hangs answers within a second; a busy machine gets ten.
const SOON_MS = 10_000;

const held = new Set<() => void>();
const under = new Set<AsyncDisposable>();

afterEach(async () => {
  letGo();
  for (const resource of [...under].toReversed()) await resource[Symbol.asyncDispose]();
  under.clear();
});

function letGo(): void {
  for (const release of held) release();
  held.clear();
}

function route(path: string, statement: string, method: 'get' | 'post' = 'post'): Route {
  return defineRoute({
    method,
    path,
    operationId: path.slice(1),
    summary: 'For a test.',
    tags: [],
    responses: { 204: { description: 'Done.' } },
    errors: [],
    handler: async () => {
      await getDb().execute(statement);
      if (path === '/hold') await new Promise<void>((release) => held.add(release));
      return { status: 204 };
    },
  });
}

const ROUTES = [
  route('/hold', 'select 1'),
  route('/slow', 'select pg_sleep(2)', 'get'),
  route('/lock', 'select pg_advisory_xact_lock(1)'),
];

async function serviceWith(options: TestServiceOptions = {}): Promise<TestService> {
  const service = await buildTestService({
    routes: ROUTES,
    ...options,
    env: { NODE_ENV: 'development', ...options.env },
  });
  under.add(service);
  return service;
}

function send(service: TestService, path: string, count = 1): Promise<Response[]> {
  const method = path === '/slow' ? 'GET' : 'POST';
  return Promise.all(
    Array.from({ length: count }, () => fetch(`${service.url}${path}`, { method })),
  );
}

async function poolOf({ managementUrl }: TestService): Promise<PoolReport> {
  const response = await fetch(`${managementUrl}/pool`);
  return (await response.json()) as PoolReport; // adapter: the test asserts its shape
}

async function untilPool(
  service: TestService,
  isSo: (report: PoolReport) => boolean,
): Promise<PoolReport> {
  return await until('the pool is as expected', async () => {
    const report = await poolOf(service);
    return isSo(report) ? report : undefined;
  });
}

describe('GET /pool', () => {
  it('of a service that does nothing says so', async () => {
    const service = await serviceWith({ env: { DB_POOL_NAME: 'quiet' } });

    const report = await untilPool(service, ({ idle }) => idle === 5);

    expect(report).toEqual({
      pool: 'quiet',
      verdict: 'healthy',
      reason: '0 of 15 connections are in use, nobody waits',
      max: 15,
      size: 5,
      idle: 5,
      used: 0,
      connecting: 0,
      waiting: 0,
      total: 5,
      leaked: 0,
      oldestWaitMs: 0,
      oldestUseMs: 0,
      holders: [],
      waiters: [],
      connect: { mayTry: true },
      server: { answer: 'not asked' },
      pools: [],
    });
  });

  it('while 8 leases are held and 5 wait shows who they are, and what the server knows of each', async () => {
    const service = await serviceWith({
      env: { DB_POOL_SIZE: '3', DB_MAX_OVERFLOW: '5', DB_ACQUIRE_TIMEOUT_MS: '9000' },
    });
    const holding = send(service, '/hold', 8);
    await until('all hold', () => (held.size === 8 ? true : undefined));
    const waiting = send(service, '/lock', 5);

    const report = await untilPool(service, ({ waiters }) => waiters.length === 5);
    const pids = report.holders.map(({ pid }) => pid);
    const known = await service.database.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'tidegauge/main'`,
    );
    letGo();
    await Promise.all([holding, waiting]);

    expect(report).toMatchObject({
      verdict: 'saturated',
      reason: expect.stringMatching(
        /^all 8 connections are in use and 5 borrowers wait, the first for \d+ ms$/,
      ),
      max: 8,
      used: 8,
      idle: 0,
      connecting: 0,
      waiting: 5,
    });
    expect(report.holders).toEqual(
      Array.from({ length: 8 }, () =>
        expect.objectContaining({
          name: 'POST /hold',
          traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
          heldMs: expect.any(Number),
          transaction: 'open',
          lastQuery: 'SELECT',
          isLeaked: false,
          server: expect.objectContaining({ state: 'idle in transaction', blockedBy: [] }),
        }),
      ),
    );
    expect(new Set(pids).size).toBe(8);
    expect(known.map(({ pid }) => pid)).toEqual(expect.arrayContaining(pids));
    expect(report.waiters).toEqual(
      Array.from({ length: 5 }, () => ({
        name: 'POST /lock',
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        waitedMs: expect.any(Number),
      })),
    );
    expect(report.server).toEqual({ answer: 'given' });
  });

  it('names the trace id that the answer to the holder carries', async () => {
    const service = await serviceWith();
    const holding = send(service, '/hold');

    const { holders } = await untilPool(service, ({ used }) => used === 1);
    await until('it holds', () => (held.size === 1 ? true : undefined));
    letGo();
    const [answer] = await holding;

    expect(answer?.headers.get('X-Trace-Id')).toBe(holders[0]?.traceId);
  });

  it('of a lease that is not returned says leaking, and where it was taken', async () => {
    const service = await serviceWith({ env: { DB_LEAK_THRESHOLD_MS: '100' } });
    await send(service, '/lock');
    const holding = send(service, '/hold');

    const report = await untilPool(service, ({ leaked }) => leaked === 1);
    await until('it holds', () => (held.size === 1 ? true : undefined));
    letGo();
    await holding;
    const after = await poolOf(service);

    expect(report).toMatchObject({
      verdict: 'leaking',
      reason: expect.stringMatching(/^POST \/hold \(pid \d+\) has held a connection for \d+ ms; /),
      holders: [{ isLeaked: true, stack: expect.stringContaining('src/http/route-endpoint.ts') }],
    });
    expect(after).toMatchObject({ verdict: 'healthy', leaked: 0, holders: [] });
  });

  it('of a slow statement says database slow, which one it is and what it waits for', async () => {
    const service = await serviceWith();
    const asking = send(service, '/slow');

    const report = await untilPool(service, ({ verdict }) => verdict === 'database slow');
    await asking;

    expect(report.reason).toMatch(
      /^SELECT of GET \/slow \(pid \d+\) has been running for \d+ ms, waiting for Timeout\/PgSleep$/,
    );
    expect(report.holders).toMatchObject([
      { name: 'GET /slow', queryMs: expect.any(Number), server: { state: 'active' } },
    ]);
  });

  it('of a statement that waits for a lock names who has the lock', async () => {
    const service = await serviceWith();
    await service.sessions.session(
      async () => {
        await getDb().execute('select pg_advisory_xact_lock(1)');
        const asking = send(service, '/lock');

        const { reason, holders } = await untilPool(
          service,
          ({ verdict }) => verdict === 'database slow',
        );
        const [owner, blocked] = holders;

        expect(reason).toMatch(
          /^SELECT of POST \/lock \(pid \d+\) .* blocked by the owner \(pid \d+\)$/,
        );
        expect(owner?.name).toBe('the owner');
        expect(blocked?.server).toMatchObject({ blockedBy: [owner?.pid], waitEventType: 'Lock' });
        void asking;
      },
      { name: 'the owner' },
    );
  });

  it('of a server that is gone says database down, and why', async () => {
    const { service, proxy } = await behindProxy();
    await service.request.get('/users');

    await proxy.refuse();
    const report = await untilPool(
      service,
      ({ verdict, connect: { lastError } }) =>
        verdict === 'database down' && lastError?.code === 'DB_CONNECT_REFUSED',
    );
    const response = await service.request.get('/users');

    expect(report.reason).toContain(`${proxy.host}:${proxy.port}`);
    expect(report.connect.lastError?.message).toContain('is PostgreSQL running');
    expect(report.holders).toEqual([]);
    expect(response.status).toBe(503);
  });

  it('answers while the server hangs, without what only the server knows', async () => {
    const { service, proxy } = await behindProxy();
    const holding = send(service, '/hold');
    await until('it holds', () => (held.size === 1 ? true : undefined));

    proxy.drop();
    const startedAt = performance.now();
    const report = await poolOf(service);
    const tookMs = performance.now() - startedAt;
    proxy.cut();
    proxy.letThrough();
    letGo();
    await holding;

    expect(tookMs).toBeLessThan(SOON_MS);
    expect(report.holders).toMatchObject([{ name: 'POST /hold', pid: expect.any(Number) }]);
    expect(report.holders[0]?.server).toBeUndefined();
    expect(report.server).toMatchObject({ answer: 'failed', error: { code: 'DB_QUERY_TIMEOUT' } });
  });
});

describe('POST /pool/evict', () => {
  it('replaces every connection: idle ones at once, those in use when they come back', async () => {
    const service = await serviceWith();
    const holding = send(service, '/hold');
    await until('it holds', () => (held.size === 1 ? true : undefined));
    await untilPool(service, ({ idle }) => idle === 4);
    const before = await pidsOf(service);

    const response = await service.request.post('/pool/evict');
    const [holder] = (await poolOf(service)).holders;
    const stayed = await until('the idle ones are gone', async () => {
      const left = (await pidsOf(service)).filter((pid) => before.includes(pid));
      return left.length === 1 ? left : undefined;
    });
    letGo();
    const [answer] = await holding;
    await until('the last one is gone', async () =>
      (await pidsOf(service)).some((pid) => before.includes(pid)) ? undefined : true,
    );

    expect(response.status).toBe(202);
    expect(response.body).toEqual({ pool: 'main', retired: 4, retiring: 1, pools: [] });
    expect(stayed).toEqual([holder?.pid]);
    expect(answer?.status).toBe(204);
  });
});

describe('a management listener', () => {
  it('has the pool, the metrics and the details, and leaves none of them on the API', async () => {
    const service = await serviceWith({ env: { MANAGEMENT_PORT: '0' } });
    const statuses = (url: string) =>
      Promise.all(
        ['/livez', '/readyz', '/healthz', '/metrics', '/pool', '/users'].map(
          async (path) => (await fetch(`${url}${path}`)).status,
        ),
      );

    expect(await statuses(service.managementUrl)).toEqual([200, 200, 200, 200, 200, 404]);
    expect(await statuses(service.url)).toEqual([200, 200, 200, 404, 404, 200]);
    expect(service.logs).toContainEqual(
      expect.objectContaining({
        event: 'service.management.listening',
        url: service.managementUrl,
      }),
    );
  });

  it('sees the API drain', async () => {
    const env = { MANAGEMENT_PORT: '0', SHUTDOWN_DRAIN_MS: '1000' };
    const service = await serviceWith({ env });

    const closing = service.close();
    const ready = await until('it is not ready any more', async () => {
      const response = await fetch(`${service.managementUrl}/readyz`);
      return response.status === 503 ? response : undefined;
    });
    const answer = await fetch(`${service.url}/users`);
    await closing;

    expect(await ready.json()).toEqual({ status: 'draining' });
    expect([answer.status, answer.headers.get('Connection')]).toEqual([200, 'close']);
  });

  it('is closed with the service', async () => {
    const service = await serviceWith({ env: { MANAGEMENT_PORT: '0' } });

    await service.close();

    await expect(fetch(`${service.managementUrl}/livez`)).rejects.toThrow('fetch failed');
  });
});

async function behindProxy(): Promise<{ service: TestService; proxy: TcpProxy }> {
  const database = await TestDatabase.create();
  under.add(database);
  const proxy = await TcpProxy.start(database.address);
  under.add(proxy);
  const url = new URL(database.url);
  url.host = `${proxy.host}:${proxy.port}`;
  const service = await serviceWith({ database, env: { DATABASE_URL: url.href } });
  return { service, proxy };
}

async function pidsOf({ database }: TestService): Promise<number[]> {
  const rows = await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'tidegauge/main' and datname = current_database()`,
  );
  return rows.map(({ pid }) => pid);
}
