import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PingEnded } from '#database/database-observer.ts';
import { Tally } from '#test/support/chaos/tally.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPool, TestPoolOptions } from '#test/support/test-pools.ts';

const SLOTS = 10;
const PING_TIMEOUT_MS = 300;
/** The shortest limit: a watchdog ends what is not answered a second later. */
const STATEMENT_TIMEOUT_MS = 1;

const REFILLED = { timeout: 10_000 };

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

/** A pool whose ten connections have been idle for longer than the threshold; `pings` are those that ended since. */
async function idlePool(options: TestPoolOptions = {}): Promise<TestPool & { pings: PingEnded[] }> {
  const pings: PingEnded[] = [];
  const tested = pools.open(database, {
    connection: { ...database.connection, port: proxy.port },
    poolSize: SLOTS,
    prePingIdleMs: 1,
    prePingTimeoutMs: PING_TIMEOUT_MS,
    observer: { pingEnded: (event) => void pings.push(event) },
    ...options,
  });
  tested.pool.start();
  await expect.poll(() => tested.pool.stats().idle).toBe(SLOTS);
  await delay(5);
  return { ...tested, pings };
}

/** What became of borrowers that come together. */
async function borrow({ pool }: TestPool, count: number): Promise<Tally> {
  const outcomes = new Tally();
  await Promise.all(
    Array.from({ length: count }, async () => {
      const lease = await pool.connect();
      const outcome = lease.query('select 1').then(
        () => 'ok',
        (error: unknown) => String(Reflect.get(Object(error), 'code')),
      );
      outcomes.add(await outcome);
      lease.release();
    }),
  );
  // What was lost is replaced in the background.
  await expect.poll(() => pool.stats(), REFILLED).toMatchObject({ idle: SLOTS, connecting: 0 });
  return outcomes;
}

describe(`${SLOTS} idle connections that are reset`, () => {
  it('F15: fail nobody who comes in that moment', async () => {
    const tested = await idlePool();

    proxy.cut();
    const outcomes = await borrow(tested, SLOTS);

    expect(outcomes.total).toEqual({ ok: SLOTS });
    expect(tested.closed).toHaveLength(SLOTS);
    expect(new Set(tested.pings.map(({ outcome }) => outcome))).toEqual(new Set(['failed']));
  });

  it('F15 control: fail those who come without a ping', async () => {
    const tested = await idlePool({ prePing: false });

    proxy.cut();
    const outcomes = await borrow(tested, SLOTS);

    expect(outcomes.total).toEqual({ DB_CONNECTION_LOST: SLOTS });
  });
});

describe(`${SLOTS} idle connections that have fallen silent`, () => {
  it('F16: cost the one who comes first one ping, and are all replaced', async () => {
    const tested = await idlePool();
    proxy.freeze();
    const startedAt = performance.now();

    const lease = await tested.pool.connect();
    const waitedMs = performance.now() - startedAt;
    await lease.query('select 1');
    lease.release();

    expect(tested.pings).toMatchObject([{ outcome: 'failed' }]);
    expect(tested.closed).toEqual(Array.from({ length: SLOTS }, () => 'failed_ping'));
    expect(waitedMs).toBeGreaterThanOrEqual(PING_TIMEOUT_MS - 1);
    expect(waitedMs).toBeLessThan(SLOTS * PING_TIMEOUT_MS);
    expect((await borrow(tested, SLOTS)).total).toEqual({ ok: SLOTS });
    expect(tested.closed).toHaveLength(SLOTS);
  });

  it('F16 control: cost everybody a watchdog without a ping', async () => {
    const tested = await idlePool({ prePing: false, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
    proxy.freeze();

    const outcomes = await borrow(tested, SLOTS);

    expect(outcomes.total).toEqual({ DB_CONNECTION_LOST: SLOTS });
    expect(tested.closed).toEqual(Array.from({ length: SLOTS }, () => 'timeout'));
  });
});
