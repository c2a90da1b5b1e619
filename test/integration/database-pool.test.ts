import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresCursor } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BoundCursor } from '#database/bound-cursor.ts';
import type { LeasedClient } from '#database/pool/leased-client.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPoolOptions } from '#test/support/test-pools.ts';
import { until } from '#test/support/until.ts';

let database: TestDatabase;
const pools = new TestPools();

beforeAll(async () => {
  database = await TestDatabase.create({ empty: true });
});

afterEach(async () => {
  await pools.closeAll();
});

afterAll(async () => {
  await database.drop();
});

const poolOf = (options: TestPoolOptions = {}) => pools.open(database, options);

const pidOf = ({ processID }: LeasedClient) => processID;

describe('the bound', () => {
  it.each([
    [1, 0],
    [3, 2],
    [2, 6],
  ])(
    'of %i connections and %i more is never exceeded, at the server either, and everybody is served',
    async (poolSize, maxOverflow) => {
      const { pool, sessions } = poolOf({ poolSize, maxOverflow, queueLimit: 200 });
      const peaks = { pool: 0, server: 0 };
      const done = new AbortController();
      const watching = (async () => {
        while (!done.signal.aborted) {
          peaks.server = Math.max(peaks.server, await sessions());
          peaks.pool = Math.max(peaks.pool, pool.stats().total);
        }
      })();

      const served = await Promise.all(
        Array.from({ length: 100 }, async (_unused, index) => {
          const lease = await pool.connect();
          peaks.pool = Math.max(peaks.pool, pool.stats().total);
          await lease.query('select pg_sleep(0.005)');
          lease.release();
          return index;
        }),
      );
      done.abort();
      await watching;

      const bound = poolSize + maxOverflow;
      expect(served).toHaveLength(100);
      expect(peaks.pool).toBe(bound);
      expect(peaks.server).toBeLessThanOrEqual(bound);
    },
  );

  it('of two pools in one process is each its own', async () => {
    const one = poolOf({ poolSize: 1, queueLimit: 0 });
    const other = poolOf({ poolSize: 1, queueLimit: 0 });

    const first = await one.pool.connect();
    const second = await other.pool.connect();

    expect(await one.sessions()).toBe(1);
    expect(await other.sessions()).toBe(1);
    await expect(one.pool.connect()).rejects.toMatchObject({ code: 'DB_POOL_FULL' });
    first.release();
    await one.pool.end();
    await second.query('select 1');
    second.release();
  });
});

describe('the queue', () => {
  it('is served in order', async () => {
    const { pool } = poolOf({ poolSize: 1 });
    const holder = await pool.connect();
    const order: number[] = [];
    const waiting = Array.from({ length: 20 }, async (_unused, index) => {
      const lease = await pool.connect();
      order.push(index);
      lease.release();
    });

    expect(pool.stats()).toMatchObject({ used: 1, waiting: 20, idle: 0 });
    holder.release();
    await Promise.all(waiting);

    expect(order).toEqual(Array.from({ length: 20 }, (_unused, index) => index));
  });

  it('lets nobody pass who comes when a connection is idle but others wait', async () => {
    const { pool } = poolOf({ poolSize: 1 });
    const holder = await pool.connect();
    const order: string[] = [];
    const waiter = pool.connect().then((lease) => {
      order.push('waiter');
      return lease;
    });
    holder.release();
    const newcomer = pool.connect().then((lease) => {
      order.push('newcomer');
      return lease;
    });

    (await waiter).release();
    (await newcomer).release();

    expect(order).toEqual(['waiter', 'newcomer']);
  });

  it('that is full refuses at once and says how many wait', async () => {
    const { pool } = poolOf({ poolSize: 1, queueLimit: 2 });
    const holder = await pool.connect();
    const waiting = [pool.connect(), pool.connect()];
    const startedAt = performance.now();

    const failure = await failureOf(pool.connect());

    expect(failure).toMatchObject({
      code: 'DB_POOL_FULL',
      details: { pool: 'test', used: 1, idle: 0, connecting: 0, waiting: 2 },
      message: expect.stringContaining('DB_QUEUE_LIMIT'),
    });
    expect(performance.now() - startedAt).toBeLessThan(50);
    holder.release();
    for (const waiter of waiting) {
      (await waiter).release();
    }
  });

  it('gives up at the deadline with the counts and what to look at', async () => {
    const { pool } = poolOf({ poolSize: 1, acquireTimeoutMs: 300 });
    const holder = await pool.connect();
    const startedAt = performance.now();

    const failures = await Promise.all(Array.from({ length: 50 }, () => failureOf(pool.connect())));

    const waitedMs = performance.now() - startedAt;
    expect(waitedMs).toBeGreaterThanOrEqual(299);
    expect(waitedMs).toBeLessThan(3000);
    expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['DB_POOL_TIMEOUT']));
    expect(failures[0]).toMatchObject({
      message: expect.stringMatching(
        /1 in use, 0 idle, 0 connecting, 50 waiting; the pool is busy, longest held by unknown for \d+ ms; see DB_POOL_SIZE/,
      ),
      details: { pool: 'test', used: 1, idle: 0, connecting: 0, waiting: 50 },
    });
    expect(pool.stats().waiting).toBe(0);
    holder.release();
  });

  it('F6: gives up at the deadline, and says so, while a server says nothing', async () => {
    await using proxy = await TcpProxy.start(database.address);
    const { pool } = poolOf({
      poolSize: 1,
      connection: { ...database.connection, port: proxy.port },
      acquireTimeoutMs: 300,
      connectTimeoutMs: 600,
    });
    proxy.hold();

    const failure = await failureOf(pool.connect());

    expect(failure).toMatchObject({
      code: 'DB_POOL_TIMEOUT',
      message: expect.stringContaining('the server could not be reached'),
      details: { reason: 'unreachable', connecting: 1, used: 0 },
    });
    await expect.poll(() => pool.stats().connecting).toBe(0);
  });

  it('serves whoever has waited longest by a returned connection while another is being opened', async () => {
    await using proxy = await TcpProxy.start(database.address);
    const { pool } = poolOf({
      poolSize: 2,
      connection: { ...database.connection, port: proxy.port },
    });
    const holder = await pool.connect();
    proxy.hold();
    const first = pool.connect();
    const second = pool.connect();
    expect(pool.stats()).toMatchObject({ used: 1, connecting: 1, waiting: 2 });

    holder.release();
    const served = await first;

    expect(pidOf(served)).toBe(pidOf(holder));
    expect(pool.stats()).toMatchObject({ used: 1, connecting: 1, waiting: 1 });
    proxy.letThrough();
    (await second).release();
    served.release();
  });

  it('keeps a connection that was opened for a waiter who was served otherwise', async () => {
    await using proxy = await TcpProxy.start(database.address);
    const { pool } = poolOf({
      poolSize: 2,
      connection: { ...database.connection, port: proxy.port },
    });
    const holder = await pool.connect();
    proxy.hold();
    const waiter = pool.connect();
    holder.release();
    (await waiter).release();
    proxy.letThrough();

    await expect.poll(() => pool.stats()).toMatchObject({ idle: 2, used: 0, connecting: 0 });
  });
});

describe('a returned connection', () => {
  it('is used again, the last one first', async () => {
    const { pool } = poolOf();
    const [one, two] = await Promise.all([pool.connect(), pool.connect()]);
    one.release();
    two.release();

    const again = await pool.connect();

    expect(pidOf(again)).toBe(pidOf(two));
    again.release();
  });

  it('F13: with an open transaction is destroyed, and the next borrower gets another', async () => {
    const { pool, sessions, closed } = poolOf({ poolSize: 1 });
    const lease = await pool.connect();
    await lease.query('begin');
    lease.release();

    const next = await pool.connect();

    expect(closed).toEqual(['dirty']);
    expect(pidOf(next)).not.toBe(pidOf(lease));
    next.release();
    await expect.poll(sessions).toBe(1);
  });

  it('F13: with a failed transaction is destroyed', async () => {
    const { pool, closed } = poolOf({ poolSize: 1 });
    const lease = await pool.connect();
    await lease.query('begin');
    await expect(lease.query('select 1 / 0')).rejects.toMatchObject({ code: 'DB_QUERY_FAILED' });
    lease.release();

    expect(closed).toEqual(['dirty']);
    expect(pool.stats().total).toBe(0);
  });

  it('on which a statement failed is used again', async () => {
    const { pool } = poolOf({ poolSize: 1 });
    const lease = await pool.connect();
    await expect(lease.query('select 1 / 0')).rejects.toMatchObject({ code: 'DB_QUERY_FAILED' });
    lease.release();

    const next = await pool.connect();

    expect(pidOf(next)).toBe(pidOf(lease));
    next.release();
  });

  it('on which a commit failed is used again', async () => {
    await database.query(
      'create table if not exists later (n int unique deferrable initially deferred)',
    );
    const { pool } = poolOf({ poolSize: 1 });
    const lease = await pool.connect();
    await lease.query('begin');
    await lease.query('insert into later values (1), (1)');
    await expect(lease.query('commit')).rejects.toMatchObject({ code: 'DB_UNIQUE' });
    lease.release();

    const next = await pool.connect();

    expect(pidOf(next)).toBe(pidOf(lease));
    next.release();
  });

  it('from which a stream was read is used again, whether it failed, was broken off or ended', async () => {
    const { pool } = poolOf({ poolSize: 1 });
    const read = async (text: string) => {
      const lease = await pool.connect();
      const cursor: PostgresCursor<{ n: number }> = new BoundCursor<{ n: number }>(text, [3]);
      const opened = lease.query(cursor);
      const rows = await opened.read(2).catch((error: unknown) => error);
      await opened.close();
      lease.release();
      return { rows, pid: pidOf(lease) };
    };

    const broken = await read('select generate_series(1, $1 :: int) as n');
    const ended = await read('select $1 :: int as n');
    const failed = await read('select $1 :: int / 0 as n');
    const next = await read('select $1 :: int as n');

    expect(broken.rows).toEqual([{ n: 1 }, { n: 2 }]);
    expect(ended.rows).toEqual([{ n: 3 }]);
    expect(failed.rows).toMatchObject({ code: 'DB_QUERY_FAILED' });
    expect(new Set([broken, ended, failed, next].map(({ pid }) => pid)).size).toBe(1);
  });

  it('that dies while a stream is read ends the stream', async () => {
    const { pool } = poolOf({ poolSize: 1 });
    const lease = await pool.connect();
    const cursor: PostgresCursor<{ n: number }> = new BoundCursor(
      'select generate_series(1, 9)',
      [],
    );
    const opened = lease.query(cursor);
    await opened.read(1);

    await database.query('select pg_terminate_backend($1)', [pidOf(lease)]);
    await expect.poll(() => pool.stats().used).toBe(0);
    await opened.close();
    lease.release();

    expect(pool.stats().total).toBe(0);
  });

  it('with a query under way is destroyed', async () => {
    const { pool, sessions, closed } = poolOf({ poolSize: 1 });
    const lease = await pool.connect();
    const query = failureOf(lease.query('select pg_sleep(5)'));
    lease.release();

    expect(closed).toEqual(['dirty']);
    expect(await query).toMatchObject({ code: 'DB_CONNECTION_LOST' });
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(5)'`,
    );
    await expect.poll(sessions).toBe(0);
  });

  it('is returned once, however often it is released, and cannot be used afterwards', async () => {
    const { pool } = poolOf({ poolSize: 1 });
    const lease = await pool.connect();
    lease.release();
    const next = await pool.connect();
    lease.release();
    lease.release(true);

    expect(pool.stats()).toMatchObject({ used: 1, idle: 0 });
    await expect(lease.query('select 1')).rejects.toThrow('bug: a connection was used after');
    await next.query('select 1');
    next.release();
  });

  it('that its borrower does not trust is destroyed', async () => {
    const { pool, closed } = poolOf({ poolSize: 1 });
    (await pool.connect()).release(true);

    expect(closed).toEqual(['dirty']);
    expect(pool.stats().total).toBe(0);
  });
});

describe('a connection', () => {
  it('has the settings of its pool', async () => {
    const { pool } = poolOf({ sessionSettings: { statement_timeout: '1234', lock_timeout: '0' } });
    const lease = await pool.connect();

    const { rows } = await lease.query(
      `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`,
    );

    expect(rows).toEqual([{ statement: '1234ms', lock: '0' }]);
    lease.release();
  });

  it('beyond the pool size is closed once it has been idle for long enough, the others stay', async () => {
    const { pool, sessions, closed } = poolOf({ poolSize: 2, maxOverflow: 3, idleTimeoutMs: 200 });
    const leases = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
    for (const lease of leases) {
      lease.release();
    }
    expect(pool.stats().idle).toBe(5);

    await expect.poll(() => pool.stats().total, { timeout: 5000 }).toBe(2);
    expect(closed).toEqual(['idle', 'idle', 'idle']);
    await expect.poll(sessions).toBe(2);
  });

  it('is replaced at the end of its life, and not all of one age at once', async () => {
    const { pool, closed } = poolOf({ poolSize: 5, maxLifetimeMs: 500 });
    const leases = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
    const [returned, ...others] = leases;
    for (const lease of others) {
      lease.release();
    }
    await delay(600);
    returned?.release();

    await expect.poll(() => pool.stats().total, { timeout: 5000 }).toBe(0);
    expect(closed).toEqual(Array.from({ length: 5 }, () => 'lifetime'));
  });

  it('is evicted at once when idle, and when it is returned otherwise', async () => {
    const { pool, sessions, closed } = poolOf({ poolSize: 2 });
    const [kept, returned] = await Promise.all([pool.connect(), pool.connect()]);
    returned.release();

    pool.evict();

    expect(closed).toEqual(['evicted']);
    await kept.query('select 1');
    kept.release();
    expect(closed).toEqual(['evicted', 'evicted']);
    await expect.poll(sessions).toBe(0);
    const fresh = await pool.connect();
    fresh.release();
    expect(pool.stats()).toMatchObject({ idle: 1 });
  });

  it('evicted while it is being opened is replaced for whoever waits', async () => {
    await using proxy = await TcpProxy.start(database.address);
    const { pool, closed } = poolOf({
      poolSize: 1,
      connection: { ...database.connection, port: proxy.port },
    });
    proxy.hold();
    const waiter = pool.connect();
    await expect.poll(() => proxy.accepted).toBe(1);
    pool.evict();
    proxy.letThrough();

    (await waiter).release();

    expect(closed).toEqual(['evicted']);
    expect(proxy.accepted).toBe(2);
  });

  it('whose backend is terminated while idle is noticed and replaced', async () => {
    const { pool, closed } = poolOf({ poolSize: 2 });
    const leases = await Promise.all([pool.connect(), pool.connect()]);
    for (const lease of leases) {
      lease.release();
    }

    await database.query('select pg_terminate_backend(pid) from unnest($1 :: int[]) as pid', [
      leases.map(pidOf),
    ]);

    await expect.poll(() => pool.stats().total).toBe(0);
    expect(closed).toEqual(['broken', 'broken']);
    const next = await pool.connect();
    await next.query('select 1');
    next.release();
  });

  it('F40: whose first borrower is long gone tells nothing in its name', async () => {
    const request = new AsyncLocalStorage<string>();
    const told: string[] = [];
    const { pool } = poolOf({
      poolSize: 1,
      observer: { connectionClosed: () => void told.push(request.getStore() ?? 'nobody') },
    });
    const first = await request.run('the first request', () => pool.connect());
    first.release();

    await database.query('select pg_terminate_backend($1)', [pidOf(first)]);

    await expect.poll(() => told).toEqual(['nobody']);
  });

  it('that is reset fifty times over while idle never ends the process', async () => {
    await using proxy = await TcpProxy.start(database.address);
    const { pool } = poolOf({
      poolSize: 1,
      connection: { ...database.connection, port: proxy.port },
    });

    for (let round = 0; round < 50; round += 1) {
      (await pool.connect()).release();
      proxy.cut();
      await expect.poll(() => pool.stats().total, { interval: 2 }).toBe(0);
    }

    expect(proxy.accepted).toBe(50);
  });

  it('that dies under its borrower fails the query with a typed error and is not used again', async () => {
    const { pool, closed } = poolOf({ poolSize: 1 });
    const lease = await pool.connect();
    const query = failureOf(lease.query('select pg_sleep(10)'));
    await database.query('select pg_terminate_backend($1)', [pidOf(lease)]);

    expect(await query).toMatchObject({ code: 'DB_CONNECTION_LOST' });
    lease.release();
    expect(closed).toEqual(['broken']);
    const next = await pool.connect();
    await next.query('select 1');
    next.release();
  });

  it('that the server ends for idling in a transaction fails the next query with a typed error', async () => {
    const { pool } = poolOf({
      poolSize: 1,
      sessionSettings: { idle_in_transaction_session_timeout: '100' },
    });
    const lease = await pool.connect();
    await lease.query('begin');
    await expect.poll(() => pool.stats().used).toBe(0);

    await expect(lease.query('select 1')).rejects.toMatchObject({ code: 'DB_CONNECTION_LOST' });
    lease.release();
    expect(pool.stats().total).toBe(0);
  });
});

describe('opening', () => {
  it('is given up at its deadline where a server accepts and says nothing, and leaves no socket', async () => {
    await using proxy = await TcpProxy.start(database.address);
    proxy.hold();
    const { pool, failed } = poolOf({
      connection: { ...database.connection, port: proxy.port },
      connectTimeoutMs: 200,
    });
    const startedAt = performance.now();

    await expect(pool.connect()).rejects.toMatchObject({
      code: 'DB_CONNECT_TIMEOUT',
      message: expect.stringContaining(`127.0.0.1:${proxy.port}`),
    });

    expect(performance.now() - startedAt).toBeLessThan(2000);
    await expect.poll(() => proxy.clients).toBe(0);
    expect(failed).toEqual(['DB_CONNECT_TIMEOUT']);
  });

  it('that fails is tried again after a while', async () => {
    await using proxy = await TcpProxy.start(database.address);
    const { pool } = poolOf({
      poolSize: 1,
      connection: { ...database.connection, port: proxy.port },
      connectTimeoutMs: 300,
    });
    proxy.hold();
    const failures = await Promise.all([failureOf(pool.connect()), failureOf(pool.connect())]);
    expect(failures.map(({ code }) => code)).toEqual(['DB_CONNECT_TIMEOUT', 'DB_CONNECT_TIMEOUT']);
    proxy.letThrough();

    (await until('a connection is opened', () => pool.connect())).release();

    expect(pool.stats()).toMatchObject({ idle: 1, waiting: 0 });
    expect(proxy.accepted).toBe(2);
  });

  it('F8: is waited for by whoever asks again at once and for ever, and stops nothing else', async () => {
    const proxy = await TcpProxy.start(database.address);
    await proxy.close();
    const { pool } = poolOf({
      poolSize: 1,
      connection: { ...database.connection, port: proxy.port },
    });
    const over = AbortSignal.timeout(100);
    const refusals: unknown[] = [];
    while (!over.aborted && refusals.length < 1_000_000) {
      refusals.push(await failureOf(pool.connect()));
    }

    expect(refusals.length).toBeGreaterThan(100);
    expect(refusals.length).toBeLessThan(1_000_000);
  });

  it('fails everybody who waits when the server refuses', async () => {
    const proxy = await TcpProxy.start(database.address);
    await proxy.close();
    const { pool } = poolOf({
      poolSize: 1,
      connection: { ...database.connection, port: proxy.port },
    });

    const failures = await Promise.all(Array.from({ length: 10 }, () => failureOf(pool.connect())));

    expect(failures.map(({ code }) => code)).toEqual(
      Array.from({ length: 10 }, () => 'DB_CONNECT_REFUSED'),
    );
  });

  it.each([
    ['a wrong password', { password: { reveal: () => 'wrong' } }, 'DB_AUTH_FAILED'],
    ['no password', { password: undefined }, 'DB_AUTH_FAILED'],
    ['a database that does not exist', { database: 'nowhere_test' }, 'DB_NOT_FOUND'],
    ['a host that is not known', { host: 'nowhere.invalid' }, 'DB_HOST_NOT_FOUND'],
  ])('fails with its own code for %s', async (_fault, connection, code) => {
    const { pool, sessions } = poolOf({ connection: { ...database.connection, ...connection } });

    const failure = await failureOf(pool.connect());

    expect(failure).toMatchObject({ code });
    expect(failure.message).not.toContain(database.address.password);
    await expect.poll(sessions).toBe(0);
  });

  it('waits for a returned connection where the role has no free one', async () => {
    const role = `limited_${randomBytes(4).toString('hex')}`;
    await database.createRole(role, `login password 'limited' connection limit 1`);
    const { pool } = poolOf({
      poolSize: 3,
      connection: { ...database.connection, user: role, password: { reveal: () => 'limited' } },
    });
    const holder = await pool.connect();
    const waiter = pool.connect();
    await expect.poll(() => pool.stats()).toMatchObject({ used: 1, connecting: 0, waiting: 1 });

    holder.release();
    const served = await waiter;

    expect(pidOf(served)).toBe(pidOf(holder));
    served.release();
    await pool.end();
    await database.dropRole(role);
  });

  it('reads the password file every time, and opens no socket when that fails', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegauge-test-'));
    const passwordFile = join(folder, 'password');
    await using proxy = await TcpProxy.start(database.address);
    const { pool } = poolOf({
      poolSize: 1,
      connection: { ...database.connection, port: proxy.port, password: undefined, passwordFile },
    });

    await expect(pool.connect()).rejects.toMatchObject({
      code: 'DB_AUTH_FAILED',
      message: 'the password file cannot be read (ENOENT): see DATABASE_PASSWORD_FILE',
    });
    expect(proxy.accepted).toBe(0);
    await writeFile(passwordFile, `${database.address.password}\n`);
    (await until('a connection is opened', () => pool.connect())).release();
    expect(proxy.accepted).toBe(1);
    await pool.end();
    await rm(folder, { recursive: true });
  });
});

describe('the end', () => {
  it('refuses waiters at once, waits for those who hold a connection, and leaves no session', async () => {
    const { pool, sessions, closed } = poolOf({ poolSize: 2 });
    const [one, two] = await Promise.all([pool.connect(), pool.connect()]);
    const waiters = Array.from({ length: 20 }, () => failureOf(pool.connect()));

    const ended = pool.end(5000);
    const failures = await Promise.all(waiters);

    expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['DB_CLOSED']));
    await one.query('select 1');
    one.release();
    two.release();
    await ended;
    expect(closed).toEqual(['shutdown', 'shutdown']);
    await expect(pool.connect()).rejects.toMatchObject({ code: 'DB_CLOSED' });
    await expect.poll(sessions).toBe(0);
    await pool.end();
  });

  it('comes after the grace, whoever is busy or being opened', async () => {
    await using proxy = await TcpProxy.start(database.address);
    const { pool, closed, failed } = poolOf({
      poolSize: 4,
      connection: { ...database.connection, port: proxy.port },
      connectTimeoutMs: 30_000,
    });
    const busy = await pool.connect();
    const query = failureOf(busy.query('select pg_sleep(30)'));
    proxy.hold();
    const waiters = Array.from({ length: 3 }, () => failureOf(pool.connect()));
    await expect.poll(() => proxy.accepted).toBe(4);
    const startedAt = performance.now();

    await pool.end(200);

    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect((await Promise.all(waiters)).map(({ code }) => code)).toEqual([
      'DB_CLOSED',
      'DB_CLOSED',
      'DB_CLOSED',
    ]);
    expect(await query).toMatchObject({ code: 'DB_CONNECTION_LOST' });
    await expect.poll(() => proxy.clients).toBe(0);
    await expect.poll(() => pool.stats()).toMatchObject({ total: 0, waiting: 0 });
    expect(closed).toEqual(['shutdown']);
    expect(failed).toEqual([]);
  });
});

it('an observer that throws is never noticed', async () => {
  const { pool } = poolOf({
    poolSize: 1,
    observer: {
      connectionOpened() {
        throw new Error('opened');
      },
      connectionClosed() {
        throw new Error('closed');
      },
      connectionFailed() {
        throw new Error('failed');
      },
      queryEnded() {
        throw new Error('query');
      },
    },
  });

  const lease = await pool.connect();
  await expect(lease.query('select 1 as n')).resolves.toMatchObject({ rows: [{ n: 1 }] });
  await expect(lease.query('select nothing')).rejects.toMatchObject({ code: 'DB_SCHEMA' });
  lease.release();
  pool.evict();
  (await pool.connect()).release();
  expect(pool.stats()).toMatchObject({ idle: 1, used: 0 });
});
