import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DatabaseConnection } from '#database/database-options.ts';
import { HealthProbe } from '#database/health/health-probe.ts';
import type { HealthProbeOptions } from '#database/health/health-probe.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import { TestFiles } from '#test/support/certificates.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { withClient } from '#test/support/databases.ts';
import { PgBouncer, hasPgBouncer } from '#test/support/pgbouncer.ts';
import { poolerTls } from '#test/support/pooler-tls.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const SOON = { timeout: 20_000, interval: 50 };
const servers = new ServerConnections();
let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterEach(() => servers.closeAll());
afterAll(() => database.drop());

const urlOf = (bouncer: PgBouncer, name = database.address.database) =>
  databaseUrl(bouncer.address(name));

/** What a load balancer is told, and an operator. */
async function readiness(url: string) {
  const response = await fetch(`${url}/readyz`);
  const { status } = Object(await response.json()) as { status: unknown };
  return { status: response.status, state: status };
}

describe.runIf(hasPgBouncer())('a service behind PgBouncer', () => {
  it('has the figures of the server, and what that says of each holder, past the pooler', async () => {
    await using bouncer = await PgBouncer.start(database.address);
    await using service = await buildTestService({
      database,
      env: {
        NODE_ENV: 'development',
        DATABASE_URL: urlOf(bouncer),
        DATABASE_DIRECT_URL: database.url,
        DB_POOLER: 'pgbouncer',
      },
    });
    const { text: metrics } = await service.request.get('/metrics');

    const blocked = await withClient(database.address, async (client) => {
      await client.query('begin; lock table users');
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const asked = service.request.get('/users?limit=1').then(({ status }) => status);
      const holder = await until('the holder waits for the lock', async () => {
        const { body } = await service.request.get('/pool');
        return body.holders.find((one: { server?: { blockedBy: number[] } }) =>
          one.server?.blockedBy.includes(rows[0]?.pid ?? 0),
        );
      });
      await client.query('rollback');
      return { holder, status: await asked };
    });

    expect(metrics).toMatch(/^pg_up(\{.*\})? 1$/m);
    expect(blocked).toMatchObject({
      holder: { name: 'GET /users', server: { state: 'active', waitEventType: 'Lock' } },
      status: 200,
    });
  });

  it('is ready, and checked, where TLS ends at the pooler', async () => {
    using files = new TestFiles();
    await using bouncer = await PgBouncer.start(database.address, await poolerTls(files));
    await using service = await buildTestService({
      database,
      env: {
        NODE_ENV: 'development',
        DATABASE_URL: `${urlOf(bouncer)}?sslmode=require`,
        DB_POOLER: 'pgbouncer',
      },
    });

    const checked = await until('the self-check has ended', async () => {
      const { body } = await service.request.get('/info');
      return body.selfCheck.state === 'pending' ? undefined : body.selfCheck;
    });

    expect(checked).toMatchObject({ state: 'done', code: null });
    expect(await readiness(service.url)).toEqual({ status: 200, state: 'up' });
  });

  it('migrates past the pooler at its start, and is ready only while both answer', async () => {
    await using empty = await TestDatabase.create({ empty: true });
    await using bouncer = await PgBouncer.start(empty.address);
    await using service = await buildTestService({
      database: empty,
      env: {
        DATABASE_URL: urlOf(bouncer, empty.address.database),
        DATABASE_DIRECT_URL: empty.url,
        DB_POOLER: 'pgbouncer',
        MIGRATE_ON_START: 'true',
      },
    });
    await service.request.get('/users').expect(200);

    await bouncer.kill();
    await expect.poll(() => readiness(service.url), SOON).toEqual({ status: 503, state: 'down' });
    const told = await until('the log says why', () =>
      service.logs.find(({ event, to }) => event === 'db.health.changed' && to === 'down'),
    );
    await bouncer.up();

    await expect.poll(() => readiness(service.url), SOON).toEqual({ status: 200, state: 'up' });
    expect(told).toMatchObject({
      code: expect.stringMatching(/^DB_CONNECT/),
      reason: expect.stringContaining('the server is up, its pooler is not'),
    });
  });
});

describe.runIf(hasPgBouncer())('a pooler whose connections are all in use', () => {
  it('is busy and not down while statements are answered, and keeps nobody from connecting', async () => {
    await using bouncer = await PgBouncer.start(database.address, { default_pool_size: '1' });
    const gate = new ConnectGate();
    const probe = probeOf({
      connection: connectionOf(bouncer.address()),
      isPooled: true,
      gate,
      sinceAnswerMs: () => 0,
    });
    await probe.start();
    const before = probe.verdict();

    await withClient(bouncer.address(), async (client) => {
      await client.query('begin');
      await probe.look();
      await client.query('rollback');
    });

    const busy = probe.verdict();
    await probe.stop();
    expect(before).toMatchObject({ state: 'up' });
    expect(busy).toMatchObject({
      state: 'saturated',
      message: expect.stringContaining('the pooler is busy'),
    });
    expect(gate).toMatchObject({ mayTry: true, cause: undefined });
  });
});

describe.runIf(hasPgBouncer())('settings that do not fit the pooler', () => {
  it.each([
    ['one that refuses settings of a session', {}],
    ['one that drops them', { ignore_startup_parameters: 'options' }],
  ])('take %s for a server: not ready, and told what to set', async (_what, settings) => {
    await using bouncer = await PgBouncer.start(database.address, settings);

    const verdict = await verdictOf({
      connection: connectionOf(bouncer.address(database.address.database)),
      sessionSettings: { statement_timeout: '5000' },
    });

    expect(verdict).toMatchObject({
      state: 'down',
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('set DB_POOLER=pgbouncer'),
    });
  });

  it.each([
    ['a pooler', {}, 'let every other URL lead to the server itself'],
    [
      'a pooler that drops what it is asked for',
      { ignore_startup_parameters: 'options' },
      'let DATABASE_DIRECT_URL lead to the server itself',
    ],
  ])('go past it to %s: not ready, and told what to set', async (_what, settings, says) => {
    await using bouncer = await PgBouncer.start(database.address, settings);
    const connection = connectionOf(bouncer.address(database.address.database));
    const server = servers.open(bouncer.address(database.address.database));

    const verdict = await verdictOf({ connection, askDirectly: (text) => server.ask(text) });

    expect(verdict).toMatchObject({
      state: 'down',
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(says),
    });
  });

  it('go past it to another database: not ready, and told so', async () => {
    await using bouncer = await PgBouncer.start(database.address);
    const connection = connectionOf(bouncer.address(database.address.database));
    const server = servers.open({ ...database.address, database: 'postgres' });

    const verdict = await verdictOf({ connection, askDirectly: (text) => server.ask(text) });

    expect(verdict).toMatchObject({
      state: 'down',
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('lead to different databases'),
    });
  });

  it('go past it to the same database: ready', async () => {
    await using bouncer = await PgBouncer.start(database.address);
    const connection = connectionOf(bouncer.address(database.address.database));
    const server = servers.open(database.address);

    const verdict = await verdictOf({ connection, askDirectly: (text) => server.ask(text) });

    expect(verdict).toMatchObject({ state: 'up' });
  });
});

function connectionOf({ password, ...address }: TestServerAddress): DatabaseConnection {
  return { ...address, password: { reveal: () => password } };
}

type ProbeOptions = Pick<HealthProbeOptions, 'connection'> & Partial<HealthProbeOptions>;

function probeOf(options: ProbeOptions) {
  return new HealthProbe({
    poolName: 'ways',
    connectTimeoutMs: 2000,
    expectedMigrations: [],
    isPooled: true,
    poolStats: () => poolStatsOf(),
    ...options,
  });
}

async function verdictOf(options: ProbeOptions) {
  const probe = probeOf(options);
  await probe.start();
  const verdict = probe.verdict();
  await probe.stop();
  return verdict;
}
