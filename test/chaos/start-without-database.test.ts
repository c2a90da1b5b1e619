import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { readiness, requestOnce } from '#test/support/chaos/readiness.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/until.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const WATCHED_MS = 3000;
/** In development the reasons of `/healthz` are for everybody. */
const OPEN_HEALTH = { NODE_ENV: 'development' };
/** Ten times the two seconds within which a service is ready after its server. */
const READY_DEADLINE_MS = 20_000;

describe('F55: a service that starts before its database', () => {
  const figures = new Figures('F55', 1);
  let database: TestDatabase;
  let proxy: TcpProxy;
  let url: string;

  beforeEach(async () => {
    database = await TestDatabase.create({ empty: true });
    proxy = await TcpProxy.start(database.address);
    await proxy.refuse();
    url = databaseUrl(database.address, { host: proxy.host, port: proxy.port });
  });
  afterEach(async () => {
    await proxy.close();
    await database.drop();
  });
  afterAll(figures.publish);

  it('is live, not ready, says once what to check, answers 503, and is ready when the database appears', async () => {
    await using service = await ServiceProcess.start({
      env: { DATABASE_URL: url, MIGRATE_ON_START: 'true' },
    });
    await delay(WATCHED_MS);
    const lines = service.logs.map(({ event }) => event);
    const complaints = service.logs.filter(({ level }) => level !== 'info');

    const live = await requestOnce(service.url, '/livez');
    const ready = await requestOnce(service.url, '/readyz');
    const users = await requestOnce(service.url, '/users');
    await proxy.listen();
    const openedAt = performance.now();
    await until(
      'ready',
      async () => (await readiness(service.url)) === 'up' || undefined,
      READY_DEADLINE_MS,
    );
    const readyMs = performance.now() - openedAt;

    figures.note(`lines in ${WATCHED_MS} ms`, lines);
    figures.times('ready after the database appears, migrations included', [readyMs]);
    expect(complaints.map(({ event, code, reason }) => ({ event, code, reason }))).toEqual(
      ['db.connect.failed', 'db.health.changed'].map((event) => ({
        event,
        code: 'DB_CONNECT_REFUSED',
        reason: expect.stringMatching(
          new RegExp(`^${proxy.host}:${proxy.port} .*is PostgreSQL running there.*DATABASE_URL`),
        ),
      })),
    );
    expect(live).toMatchObject({ status: 200 });
    expect(ready).toMatchObject({ status: 503, body: { status: 'down' } });
    expect(users).toMatchObject({
      status: 503,
      headers: {
        'content-type': 'application/problem+json',
        'retry-after': expect.stringMatching(/^\d+$/),
      },
      body: { code: 'DB_CONNECT_REFUSED' },
    });
    expect(await requestOnce(service.url, '/users')).toMatchObject({ status: 200 });
  });

  it('says which migrations are pending, and stays not ready, when it may not apply them', async () => {
    await using service = await ServiceProcess.start({
      env: { DATABASE_URL: url, MIGRATE_ON_START: 'false', ...OPEN_HEALTH },
    });
    await proxy.listen();
    await until(
      'pending',
      async () => (await readiness(service.url)) === 'migrations_pending' || undefined,
    );

    const health = await requestOnce(service.url, '/healthz');

    expect(health).toMatchObject({
      status: 503,
      body: {
        status: 'fail',
        code: 'DB_MIGRATIONS_PENDING',
        output: expect.stringMatching(/Migration\d{14}_initial; run npm run migrate$/),
      },
    });
    expect(await requestOnce(service.url, '/readyz')).toMatchObject({ status: 503 });
    expect(await database.query(`select to_regclass('users') as users`)).toEqual([{ users: null }]);
  });

  it('would be caught complaining for nothing: with its database there it says no such line', async () => {
    await proxy.listen();

    await using service = await ServiceProcess.start({
      env: { DATABASE_URL: url, MIGRATE_ON_START: 'true' },
    });
    await service.logged('service.ready');

    expect(service.logs.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});

describe('a database that cannot be connected to', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;

  beforeEach(async () => {
    database = await TestDatabase.create();
    proxy = await TcpProxy.start(database.address);
    proxy.hold();
  });
  afterEach(async () => {
    await proxy.close();
    await database.drop();
  });

  // A resolver may take its time to say that there is no such name.
  const patience = { DB_CONNECT_TIMEOUT_MS: '8000', DB_ACQUIRE_TIMEOUT_MS: '9000' };
  it.for([
    {
      fault: 'does not answer',
      code: 'DB_CONNECT_TIMEOUT',
      replaced: () => ({ host: proxy.host, port: proxy.port }),
    },
    {
      fault: 'refuses the password',
      code: 'DB_AUTH_FAILED',
      replaced: () => ({ password: 'wrong' }),
    },
    {
      fault: 'has no such database',
      code: 'DB_NOT_FOUND',
      replaced: () => ({ database: 'no_such_database' }),
    },
    {
      fault: 'is at no known host',
      code: 'DB_HOST_NOT_FOUND',
      replaced: () => ({ host: 'database.invalid' }),
      env: patience,
    },
  ])('since it $fault is told by $code', async ({ code, replaced, env }) => {
    await using service = await ServiceProcess.start({
      env: { DATABASE_URL: databaseUrl(database.address, replaced()), ...OPEN_HEALTH, ...env },
    });
    await until('down', async () => (await readiness(service.url)) === 'down' || undefined);

    const health = await requestOnce(service.url, '/healthz');
    const users = await requestOnce(service.url, '/users');

    expect(health).toMatchObject({ status: 503, body: { code } });
    expect(users).toMatchObject({ status: 503, body: { code } });
    expect(await requestOnce(service.url, '/livez')).toMatchObject({ status: 200 });
    expect(JSON.stringify(service.logs)).not.toContain(database.address.password);
  });
});
