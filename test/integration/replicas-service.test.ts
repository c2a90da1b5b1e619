import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { newEmail } from '#test/support/api-rows.ts';
import { replicaIs } from '#test/support/replica-is.ts';
import { ReplicaPair } from '#test/support/replica-pair.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

let pair: ReplicaPair;
/** Of services whose own database is another one: it is dropped with it. */
let unused: TestDatabase;
let service: TestService;

const serviceOn = (env: Readonly<Record<string, string>>) =>
  buildTestService({
    database: unused,
    env: { DATABASE_URL: databaseUrl(pair.primary.connection), MIGRATE_ON_START: 'true', ...env },
  });

beforeAll(async () => {
  pair = await ReplicaPair.start();
  unused = await TestDatabase.create();
  service = await serviceOn({
    DATABASE_REPLICA_URLS: databaseUrl(pair.replicaAddress),
    DB_REPLICA_MAX_LAG_MS: '60000',
    CORS_ORIGINS: 'https://app.example',
  });
  await replicaIs(service.sessions, 'usable');
  await until('the replica has the tables', async () =>
    (await pair.ask<{ is: boolean }>(`select to_regclass('users') is not null as is`))?.is === true
      ? true
      : undefined,
  );
});
afterEach(async () => {
  await pair.ask('select pg_wal_replay_resume()').catch(() => undefined);
});
afterAll(async () => {
  await service.close();
  await unused.drop();
  await pair[Symbol.asyncDispose]();
});

const post = (to: TestService) =>
  to.request.post('/users').send({ email: newEmail(), name: 'Ada' });

describe('a client of a service with replicas', () => {
  it('who sends the Read-After of its write sees it, though no replica has it yet', async () => {
    await pair.ask('select pg_wal_replay_pause()');
    const written = await post(service).set('Origin', 'https://app.example').expect(201);
    const path = written.headers['location'] ?? '';
    const token = written.headers['read-after'] ?? '';

    const blind = await service.request.get(path);
    const seen = await service.request.get(path).set('Read-After', token);

    expect(blind.status).toBe(404);
    expect(seen.status).toBe(200);
    expect(written.headers['access-control-expose-headers']).toContain('Read-After');
  });

  it('who sends it when a replica has it is answered by that', async () => {
    const written = await post(service).expect(201);
    const path = written.headers['location'] ?? '';
    const token = written.headers['read-after'] ?? '';

    const onReplica = await until('a replica has it', async () => {
      const before = connectionsUsed();
      await service.request.get(path).set('Read-After', token).expect(200);
      return connectionsUsed() > before ? true : undefined;
    });

    expect(onReplica).toBe(true);
  });

  it.each(['', 'x', '0/', '0/G', '0/0, 0/1', '123456789/0'])(
    'who sends another one, %j, is told so',
    async (token) => {
      const answer = await service.request.get('/users').set('Read-After', token);

      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({
        code: 'INPUT_INVALID',
        errors: [{ path: 'Read-After' }],
      });
    },
  );

  it('who asks for more than was ever written is answered by the primary', async () => {
    const answer = await service.request.get('/users').set('Read-After', 'FFFFFFFF/FFFFFFFF');

    expect(answer.status).toBe(200);
  });

  it('finds them in the health and the metrics, which an absent one does not fail', async () => {
    await replicaIs(service.sessions, 'usable');
    const well = await service.request.get('/healthz');
    const metrics = await service.request.get('/metrics');
    await pair.way.refuse();
    await replicaIs(service.sessions, 'down');
    const without = await service.request.get('/healthz');
    const users = await service.request.get('/users');
    await pair.way.listen();
    await replicaIs(service.sessions, 'usable');

    expect(well.body.checks['database:replicas']).toMatchObject([{ status: 'pass' }]);
    expect(without.status).toBe(200);
    expect(without.body).toMatchObject({
      status: 'warn',
      checks: { 'database:replicas': [{ status: 'warn' }] },
    });
    expect(users.status).toBe(200);
    expect(metrics.text).toContain(
      'db_replica_usable{db_client_connection_pool_name="replica-1"} 1',
    );
    expect(metrics.text).toContain(
      'db_replica_lag_seconds{db_client_connection_pool_name="replica-1"}',
    );
    expect(service.logs.findLast(({ event }) => event === 'db.replica.changed')).toMatchObject({
      pool: 'replica-1',
      from: 'down',
      to: 'usable',
    });
  });

  it('gets no Read-After where there are none', async () => {
    await using plain = await serviceOn({});

    const written = await post(plain).expect(201);

    expect(written.headers).not.toHaveProperty('read-after');
  });
});

describe('a server that accepts no writes', () => {
  it('F60: since it is read-only by default is written to by nobody, and the service is read_only until it does', async () => {
    await pair.write('alter system set default_transaction_read_only = on');
    await pair.write('select pg_reload_conf()');
    await readyIs(service, 'read_only');
    const write = await post(service);
    const read = await service.request.get('/users');
    await pair.write('alter system reset default_transaction_read_only');
    await pair.write('select pg_reload_conf()');
    await readyIs(service, 'up');

    expect(write.status).toBe(503);
    expect(write.body).toMatchObject({ code: 'DB_READ_ONLY' });
    expect(write.headers['retry-after']).toBeDefined();
    expect(read.status).toBe(200);
    await post(service).expect(201);
  });

  it('F30: since it is a standby is not connected to, and served from as soon as it is promoted', async () => {
    const isReadOnly = Promise.withResolvers<void>();
    const opening = buildTestService({
      database: unused,
      env: { DATABASE_URL: databaseUrl(pair.replicaAddress), MIGRATE_ON_START: 'false' },
      observer: {
        verdictChanged: ({ to }) => (to === 'read_only' ? isReadOnly.resolve() : undefined),
      },
    });
    await isReadOnly.promise;
    await pair.promote();
    await using promoted = await opening;

    await post(promoted).expect(201);
    expect(promoted.logs.filter(({ code }) => code === 'DB_READ_ONLY').length).toBeGreaterThan(0);
  });
});

/** Connections that the pool of the replica has handed out so far. */
function connectionsUsed(): number {
  return service.sessions.pools()[1]?.stats().usedSeconds ?? 0;
}

async function readyIs({ request }: TestService, wanted: string): Promise<void> {
  await until(`it is ${wanted}`, async () => {
    const { body } = await request.get('/readyz');
    return body.status === wanted ? true : undefined;
  });
}
