import { afterEach, describe, expect, it } from 'vitest';
import type { DatabaseObserver } from '#database/database-observer.ts';
import { DatabaseError } from '#database/database-error.ts';
import { HealthProbe } from '#database/health/health-probe.ts';
import type { HealthProbeOptions } from '#database/health/health-probe.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';
import { stoppedProcesses } from '#test/support/stopped-processes.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';

// What readiness promises is 3 s to say no and 2 s to say yes; a busy machine gets more.
const SOON = { timeout: 15_000, interval: 20 };

const probes = new Set<HealthProbe>();

afterEach(async () => {
  await Promise.all([...probes].map((probe) => probe.stop()));
  probes.clear();
});

function probeOf(
  database: Pick<TestDatabase, 'connection'>,
  overrides: Partial<HealthProbeOptions> = {},
): HealthProbe {
  const probe = new HealthProbe({
    connection: database.connection,
    poolName: 'health',
    connectTimeoutMs: 300,
    expectedMigrations: [],
    isPooled: false,
    poolStats: () => poolStatsOf({ name: 'health', max: 1, size: 1, idle: 0, used: 0, waiting: 0 }),
    ...overrides,
  });
  probes.add(probe);
  return probe;
}

/** States it was told of, in order. */
function recorder() {
  const changes: string[] = [];
  const observer: DatabaseObserver = {
    verdictChanged: ({ from, to, code }) =>
      void changes.push(`${from} → ${to} ${code ?? ''}`.trim()),
  };
  return { observer, changes };
}

const sessionsOf = async (database: TestDatabase) =>
  await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'tidegauge/health/probe' and datname = current_database()`,
  );

describe('the probe', () => {
  it('is starting before it has looked', async () => {
    await using database = await TestDatabase.create();

    expect(probeOf(database).verdict()).toMatchObject({ state: 'starting', checkedAt: undefined });
  });

  it('finds a migrated database up, with its version and the time the answer took', async () => {
    await using database = await TestDatabase.create();
    const [{ version } = { version: '' }] = await database.query<{ version: string }>(
      `select current_setting('server_version') as version`,
    );
    const { observer, changes } = recorder();
    const probe = probeOf(database, { observer });

    await probe.start();

    expect(probe.verdict()).toMatchObject({
      state: 'up',
      code: undefined,
      serverVersion: version,
      pendingMigrations: [],
      checkedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    expect(probe.verdict().roundTripMs).toBeGreaterThan(0);
    expect(changes).toEqual(['starting → up']);
    await probe.stop();
  });

  it('names the migrations that are pending, on an empty database all of them', async () => {
    await using migrated = await TestDatabase.create();
    await using empty = await TestDatabase.create({ empty: true });
    const [{ name } = { name: '' }] = await migrated.query<{ name: string }>(
      'select name from mikro_orm_migrations order by name limit 1',
    );
    const expectedMigrations = [name, 'Migration29990101000000_later'];
    const ahead = probeOf(migrated, { expectedMigrations });
    const bare = probeOf(empty, { expectedMigrations });

    await Promise.all([ahead.start(), bare.start()]);

    expect(ahead.verdict()).toMatchObject({
      state: 'migrations_pending',
      code: 'DB_MIGRATIONS_PENDING',
      pendingMigrations: ['Migration29990101000000_later'],
    });
    expect(bare.verdict()).toMatchObject({ pendingMigrations: expectedMigrations });
    await Promise.all([ahead.stop(), bare.stop()]);
  });

  it('says read_only of a database that accepts no writes', async () => {
    await using database = await TestDatabase.create();
    await database.query(
      `alter database "${database.address.database}" set default_transaction_read_only = on`,
    );
    const probe = probeOf(database);

    await probe.start();

    expect(probe.verdict()).toMatchObject({ state: 'read_only', code: 'DB_READ_ONLY' });
    await probe.stop();
  });

  it.each([
    ['database', ({ address }: TestDatabase) => `database "${address.database}"`],
    [
      'role in it',
      ({ address }: TestDatabase) => `role "${address.user}" in database "${address.database}"`,
    ],
  ])('says up again once the %s accepts writes again', async (_what, nameOf) => {
    await using database = await TestDatabase.create();
    const { observer, changes } = recorder();
    const probe = probeOf(database, { observer });
    await database.query(`alter ${nameOf(database)} set default_transaction_read_only = on`);
    await probe.start();

    await database.query(
      `begin read write; alter ${nameOf(database)} reset default_transaction_read_only; commit`,
    );
    await probe.look();

    expect(changes).toEqual(['starting → read_only DB_READ_ONLY', 'read_only → up']);
    await probe.stop();
  });

  it('says saturated instead of up while somebody waits for a connection, and is busy itself with none of them', async () => {
    await using database = await TestDatabase.create();
    await using sessions = new DatabaseSessionManager();
    await sessions.init(database.options({ poolSize: 1, maxOverflow: 0 }));
    const probe = probeOf(database, { poolStats: () => sessions.stats() });
    const held = Promise.withResolvers<void>();
    const holder = sessions.session(async (db) => {
      await db.execute('select 1');
      await held.promise;
    });
    await expect.poll(() => sessions.stats().used).toBe(1);
    const waiter = sessions.session((db) => db.execute('select 1'));
    await expect.poll(() => sessions.stats().waiting).toBe(1);

    await probe.start();

    expect(probe.verdict()).toMatchObject({
      state: 'saturated',
      message: 'all 1 connections are in use and 1 borrower waits',
    });
    held.resolve();
    await Promise.all([holder, waiter]);
    expect(probe.verdict().state).toBe('up');
    await probe.stop();
  });

  it('F9: says down, and tells why, while the pool has no connection and can open none, though its own lives', async () => {
    await using database = await TestDatabase.create();
    const { observer, changes } = recorder();
    const gate = new ConnectGate();
    let idle = 0;
    const poolStats = () => poolStatsOf({ name: 'health', max: 2, size: 2, idle, used: 0 });
    const probe = probeOf(database, { observer, gate, poolStats });
    await probe.start();
    const wrong = new DatabaseError('DB_AUTH_FAILED', 'wrong password', { sqlState: '28P01' });

    await expect(gate.attempt(() => Promise.reject(wrong))).rejects.toBe(wrong);

    expect(probe.verdict()).toMatchObject({
      state: 'down',
      code: 'DB_AUTH_FAILED',
      message: 'wrong password',
    });
    await probe.look();
    expect(changes).toEqual(['starting → up', 'up → down DB_AUTH_FAILED']);
    idle = 1;
    expect(probe.verdict().state).toBe('up');
    await probe.look();
    expect(changes.at(-1)).toBe('down → up');
    gate.close();
  });

  it('F23: tells saturated, not down, of a full server that the pool has connections of', async () => {
    await using database = await TestDatabase.create();
    const { observer, changes } = recorder();
    const gate = new ConnectGate();
    const full = new DatabaseError('DB_TOO_MANY_CONNECTIONS', 'full', { sqlState: '53300' });
    await expect(gate.attempt(() => Promise.reject(full))).rejects.toBe(full);
    const poolStats = () => poolStatsOf({ name: 'health', max: 2, size: 2, idle: 1, used: 0 });
    const probe = probeOf(database, { observer, gate, poolStats });

    await probe.look();

    expect(changes).toEqual(['starting → saturated DB_TOO_MANY_CONNECTIONS']);
    gate.close();
  });

  it('is not misled by the end of its own connection', async () => {
    await using database = await TestDatabase.create();
    const { observer, changes } = recorder();
    const probe = probeOf(database, { observer });
    await probe.start();
    const [before] = await sessionsOf(database);
    await database.query('select pg_terminate_backend($1)', [before?.pid]);

    await probe.look();

    expect(probe.verdict().state).toBe('up');
    expect(changes).toEqual(['starting → up']);
    expect(await sessionsOf(database)).not.toContainEqual(before);
    await probe.stop();
  });

  it('looks once when it is asked by many, and again by itself', async () => {
    await using database = await TestDatabase.create();
    const probe = probeOf(database);
    await probe.start();
    const first = probe.verdict().checkedAt;

    await Promise.all(Array.from({ length: 50 }, () => probe.look()));
    const second = probe.verdict().checkedAt;
    await expect.poll(() => probe.verdict().checkedAt, SOON).not.toBe(second);

    expect(second).not.toBe(first);
    expect(await sessionsOf(database)).toHaveLength(1);
    await probe.stop();
  });

  it('asks once which database the way past the pooler leads to, and from then on whether it answers', async () => {
    await using database = await TestDatabase.create();
    const asked: string[] = [];
    const probe = probeOf(database, {
      async askDirectly(text) {
        asked.push(text);
        return await database.query(text);
      },
    });
    await probe.start();

    await probe.look();

    expect(asked).toEqual([expect.stringContaining('pg_control_system'), 'select 1']);
    await probe.stop();
  });

  it('leaves no session behind', async () => {
    await using database = await TestDatabase.create();
    const probe = probeOf(database);
    await probe.start();
    await probe.stop();

    await expect.poll(() => sessionsOf(database)).toEqual([]);
  });

  it('does not notice an observer that throws', async () => {
    await using database = await TestDatabase.create();
    const probe = probeOf(database, {
      observer: {
        verdictChanged() {
          throw new Error('observer');
        },
      },
    });

    await probe.start();

    expect(probe.verdict().state).toBe('up');
    await probe.stop();
  });
});

describe('a server that is away', () => {
  it.each([
    ['refuses', { port: 1 }, 'DB_CONNECT_REFUSED'],
    ['knows no such password', { password: { reveal: () => 'wrong' } }, 'DB_AUTH_FAILED'],
    ['knows no such database', { database: 'nowhere_test' }, 'DB_NOT_FOUND'],
    ['has no such host', { host: 'nowhere.invalid' }, 'DB_HOST_NOT_FOUND'],
  ])('because it %s is down, with the code', async (_why, wrong, code) => {
    await using database = await TestDatabase.create();
    const probe = probeOf({ connection: { ...database.connection, ...wrong } });

    await probe.start();

    expect(probe.verdict()).toMatchObject({ state: 'down', code, roundTripMs: undefined });
    expect(probe.verdict().message).not.toContain(database.address.password);
  });

  it('because it accepts and says nothing is down within the deadline, and up when it answers', async () => {
    await using database = await TestDatabase.create();
    await using proxy = await TcpProxy.start(database.address);
    const { observer, changes } = recorder();
    const probe = probeOf(
      { connection: { ...database.connection, port: proxy.port } },
      { observer },
    );
    proxy.hold();
    const startedAt = performance.now();

    await probe.start();

    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(probe.verdict()).toMatchObject({ state: 'down', code: 'DB_CONNECT_TIMEOUT' });
    proxy.letThrough();
    await expect.poll(() => probe.verdict().state, SOON).toBe('up');
    expect(changes).toEqual(['starting → down DB_CONNECT_TIMEOUT', 'down → up']);
    await probe.stop();
  });

  it('because the network went silent under the connection is down, and up when it is back', async () => {
    await using database = await TestDatabase.create();
    await using proxy = await TcpProxy.start(database.address);
    const probe = probeOf({ connection: { ...database.connection, port: proxy.port } });
    await probe.start();
    expect(probe.verdict().state).toBe('up');

    proxy.hold();
    proxy.freeze();
    await expect.poll(() => probe.verdict().state, SOON).toBe('down');
    expect(probe.verdict().code).toBe('DB_CONNECT_TIMEOUT');
    proxy.letThrough();
    await expect.poll(() => probe.verdict().state, SOON).toBe('up');
    await probe.stop();
  });

  it('because its processes were stopped is down, the verdict is there at once, and it is up when they go on', async () => {
    await using server = await startOwnServer();
    const { password } = server.connection;
    const probe = probeOf({
      connection: { ...server.connection, password: { reveal: () => password } },
    });
    await probe.start();
    expect(probe.verdict().state).toBe('up');
    const pids = await withClient(server.connection, async (client) => {
      const { rows } = await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      );
      return [server.pid, ...rows.map(({ pid }) => pid)];
    });

    {
      using _stopped = stoppedProcesses(pids);
      await expect.poll(() => probe.verdict().state, SOON).toBe('down');
      const askedAt = performance.now();
      probe.verdict();
      expect(performance.now() - askedAt).toBeLessThan(5);
    }

    await expect.poll(() => probe.verdict().state, SOON).toBe('up');
    await probe.stop();
  });

  it('does not keep the probe from stopping', async () => {
    await using database = await TestDatabase.create();
    await using proxy = await TcpProxy.start(database.address);
    const probe = probeOf({ connection: { ...database.connection, port: proxy.port } });
    await probe.start();
    proxy.hold();
    proxy.freeze();
    const looking = probe.look();
    const startedAt = performance.now();

    await probe.stop();

    expect(performance.now() - startedAt).toBeLessThan(5000);
    await looking;
    await expect.poll(() => proxy.clients).toBe(0);
  });

  it('is not told of by a probe that is stopped while it connects', async () => {
    await using database = await TestDatabase.create();
    await using proxy = await TcpProxy.start(database.address);
    const { observer, changes } = recorder();
    const probe = probeOf(
      { connection: { ...database.connection, port: proxy.port } },
      { observer, connectTimeoutMs: 30_000 },
    );
    proxy.hold();
    const starting = probe.start();
    await expect.poll(() => proxy.clients).toBe(1);

    await probe.stop();
    await starting;

    expect(changes).toEqual([]);
  });
});
