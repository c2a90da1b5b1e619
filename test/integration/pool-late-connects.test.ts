import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPool, TestPoolOptions } from '#test/support/test-pools.ts';
import { until } from '#test/support/until.ts';

/** A hundred connects: as many pools one after the other, each with as many connects at once. */
const POOLS = 5;
const CONNECTS = 20;
const CONNECT_TIMEOUT_MS = 200;
/** A login is three questions and their answers. */
const WAYS = 6;
const TOO_LATE = 1.5;

let database: TestDatabase;
let proxy: TcpProxy;
const pools = new TestPools();

beforeAll(async () => {
  database = await TestDatabase.create({ empty: true });
});

beforeEach(async () => {
  proxy = await TcpProxy.start(database.address);
});

afterEach(async () => {
  await pools.closeAll();
  await proxy.close();
});

afterAll(async () => {
  await database.drop();
});

const poolOf = (changes: TestPoolOptions = {}) =>
  pools.open(database, {
    connection: { ...database.connection, port: proxy.port },
    poolSize: CONNECTS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    ...changes,
  });

/** Connects too slowly as often as the pool allows at once, then in time; resolves to the codes of the failures. */
async function connectLateThenInTime({ pool }: TestPool): Promise<string[]> {
  proxy.latencyMs = (TOO_LATE * CONNECT_TIMEOUT_MS) / WAYS;
  const failures = await Promise.all(
    Array.from({ length: CONNECTS }, () => failureOf(pool.connect())),
  );
  proxy.latencyMs = 0;
  const lease = await until('the server is found again', () => pool.connect());
  lease.release();
  return failures.map(({ code }) => code);
}

it('F26: a login that would have succeeded after its deadline leaves no session at the server', async () => {
  const tests: TestPool[] = [];
  const codes: string[] = [];
  while (tests.length < POOLS) {
    const test = poolOf();
    codes.push(...(await connectLateThenInTime(test)));
    tests.push(test);
  }

  expect(codes).toEqual(Array(POOLS * CONNECTS).fill('DB_CONNECT_TIMEOUT'));
  expect(tests.map(({ pool }) => pool.stats().total)).toEqual(Array(POOLS).fill(1));
  await expect
    .poll(() => Promise.all(tests.map((test) => test.sessions())), { timeout: 10_000 })
    .toEqual(Array(POOLS).fill(1));
});

it.each([0.8, 0.9, 1, 1.1])(
  'F26: of logins that take %f times their deadline the pool knows every session that the server has',
  async (share) => {
    const { pool, sessions } = poolOf();
    proxy.latencyMs = (share * CONNECT_TIMEOUT_MS) / WAYS;

    const attempts = await Promise.allSettled(
      Array.from({ length: CONNECTS }, async () => (await pool.connect()).release()),
    );

    expect(attempts).toHaveLength(CONNECTS);
    await expect.poll(() => pool.stats().connecting).toBe(0);
    await expect.poll(sessions, { timeout: 10_000 }).toBe(pool.stats().total);
  },
);

it('F26: a server that falls silent between the login and its settings being read back costs no slot and no socket', async () => {
  const { pool, failed } = poolOf({
    poolSize: 1,
    sessionSettings: { statement_timeout: '1000' },
    parts: (options) => ({
      open: (opening) =>
        PooledConnection.open(options, {
          ...opening,
          verify: async (connection) => {
            proxy.freeze();
            await opening.verify?.(connection);
          },
        }),
    }),
  });

  const failure = await failureOf(pool.connect());

  expect(failure.code).toBe('DB_CONNECT_TIMEOUT');
  expect(failed).toEqual(['DB_CONNECT_TIMEOUT']);
  expect(pool.stats()).toMatchObject({ connecting: 0, total: 0 });
  await expect.poll(() => proxy.clients).toBe(0);
});

it('F26 control: a login that nobody waits for any more, and nobody gives up, is a session that no pool knows', async () => {
  const late: Promise<PooledConnection>[] = [];
  const test = poolOf({
    parts: (options) => ({
      open: (opening) => {
        const login = PooledConnection.open({ ...options, connectTimeoutMs: 60_000 }, opening);
        late.push(login);
        const deadline = delay(CONNECT_TIMEOUT_MS).then(() => {
          throw new DatabaseError('DB_CONNECT_TIMEOUT', 'too late');
        });
        return Promise.race([login, deadline]);
      },
    }),
  });

  await connectLateThenInTime(test);

  await expect.poll(() => test.sessions(), { timeout: 10_000 }).toBe(late.length);
  expect(late.length).toBeGreaterThan(CONNECTS);
  expect(test.pool.stats().total).toBe(1);
  await Promise.all(late.map(async (login) => (await login).destroy()));
});
