import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendCancelRequest } from '#database/pool/cancel-request.ts';
import { systemClock } from '#database/pool/clock.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import type { Holder } from '#database/pool/holder.ts';
import { LeasedClient } from '#database/pool/leased-client.ts';
import { Pool } from '#database/pool/pool.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';
import { SessionPeaks } from '#test/support/chaos/session-peaks.ts';
import { Tally } from '#test/support/chaos/tally.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';

const BOUND = 15;
const CANCELS_AT_ONCE = 2;
const ABORTS = 100;
const RACES = 1000;
/** Long enough for cancels to overlap, if they may. */
const LATENCY_MS = 20;

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

const throughProxy = () => ({ ...database.connection, port: proxy.port });

async function sleeping(applicationName: string): Promise<number> {
  const rows = await database.query(
    `select from pg_stat_activity where application_name = $1 and wait_event = 'PgSleep'`,
    [applicationName],
  );
  return rows.length;
}

describe('a hundred holders that go away at once', () => {
  it(`F22: cost ${CANCELS_AT_ONCE} connections beyond the pool’s bound, and nobody’s but their own statements`, async () => {
    const leaving = new AbortController();
    const reason = new Error('gone');
    let cancelled = 0;
    const { pool, options } = pools.open(database, {
      poolSize: 5,
      maxOverflow: BOUND - 5,
      queueLimit: ABORTS,
      acquireTimeoutMs: 30_000,
      connection: throughProxy(),
      observer: { queryCancelled: () => void (cancelled += 1) },
      parts: () => ({ currentHolder: () => ({ name: 'leaver', signal: leaving.signal }) }),
    });
    const outcomes = new Tally();
    const sleep = async () => {
      const lease = await pool.connect();
      try {
        await lease.query('select pg_sleep(60)');
      } finally {
        lease.release();
      }
    };
    const sessions = Array.from({ length: ABORTS }, () =>
      sleep().catch((error: unknown) =>
        outcomes.add(
          error === reason ? 'left the queue' : String(Reflect.get(Object(error), 'code')),
        ),
      ),
    );
    await expect.poll(() => pool.stats()).toMatchObject({ used: BOUND, waiting: ABORTS - BOUND });
    await using atServer = new SessionPeaks(database.address, options.applicationName);
    proxy.latencyMs = LATENCY_MS;

    leaving.abort(reason);
    await Promise.all(sessions);
    await expect.poll(() => pool.stats().idle).toBe(BOUND);

    expect(outcomes.total).toEqual({
      DB_QUERY_CANCELLED: BOUND,
      'left the queue': ABORTS - BOUND,
    });
    expect(cancelled).toBe(BOUND);
    expect(proxy.peak).toBe(BOUND + CANCELS_AT_ONCE);
    expect(atServer.pool).toBe(BOUND);
  });

  it('F22 control: would cost as many more as there are statements, if their cancels did not take turns', async () => {
    const opened: PooledConnection[] = [];
    const { pool, options } = pools.open(database, {
      poolSize: BOUND,
      connection: throughProxy(),
      parts: (options) => ({
        open: async (told) => {
          const connection = await PooledConnection.open(options, told);
          opened.push(connection);
          return connection;
        },
      }),
    });
    const leases = await Promise.all(Array.from({ length: BOUND }, () => pool.connect()));
    const statements = leases.map((lease) => failureOf(lease.query('select pg_sleep(60)')));
    await expect.poll(() => sleeping(options.applicationName)).toBe(BOUND);
    proxy.latencyMs = LATENCY_MS;

    await Promise.all(opened.map((connection) => sendCancelRequest(targetOf(connection))));
    await Promise.all(statements);
    for (const lease of leases) {
      lease.release();
    }

    expect(proxy.peak).toBe(2 * BOUND);
  });
});

function targetOf({ cancelKey }: PooledConnection, port = proxy.port) {
  return { host: proxy.host, port, pid: 0, secretKey: 0, ...cancelKey, timeoutMs: 10_000 };
}

/** Holds the connection of a race: first who leaves at a random moment, then who has nothing to do with it. */
type Connect = (holder: Holder) => Promise<LeasedClient>;

/** Runs races on one connection; counts what those who left were told, and those who came after them. */
async function race(connect: Connect, times: number) {
  const leavers = new Tally();
  const innocents = new Tally();
  const run = async (lease: LeasedClient, outcomes: Tally) => {
    try {
      await lease.query('select pg_sleep(0.002)');
      outcomes.add('ok');
    } catch (error) {
      outcomes.add(String(Reflect.get(Object(error), 'code')));
    } finally {
      lease.release();
    }
  };
  for (let round = 0; round < times; round += 1) {
    const leaving = new AbortController();
    const running = run(await connect({ name: 'leaver', signal: leaving.signal }), leavers);
    await delay(round % 4);
    leaving.abort();
    await running;
    await run(await connect({ name: 'innocent' }), innocents);
  }
  return { leavers, innocents };
}

describe('a cancel that overtakes its statement', () => {
  it('F22: is lost on the server, and sent again', async () => {
    const leaving = new AbortController();
    let cancelled = 0;
    const { pool } = pools.open(database, {
      poolSize: 1,
      connection: throughProxy(),
      observer: { queryCancelled: () => void (cancelled += 1) },
      parts: () => ({ currentHolder: () => ({ name: 'leaver', signal: leaving.signal }) }),
    });
    const lease = await pool.connect();
    const cancelsBefore = proxy.accepted;
    proxy.latencyMs = LATENCY_MS * 25;
    const statement = failureOf(lease.query('select pg_sleep(60)'));
    await delay(LATENCY_MS);
    proxy.latencyMs = 0;
    leaving.abort();

    expect(await statement).toMatchObject({ code: 'DB_QUERY_CANCELLED' });

    lease.release();
    await expect.poll(() => pool.stats()).toMatchObject({ used: 0, idle: 1 });
    expect(proxy.accepted - cancelsBefore).toBeGreaterThan(1);
    expect(cancelled).toBe(1);
  });
});

describe('a holder that goes away while its statement ends', () => {
  it(`F22: never has the next one’s statement cancelled, in ${RACES} races`, async () => {
    let holder: Holder | undefined;
    const { pool } = pools.open(database, {
      poolSize: 1,
      parts: () => ({ currentHolder: () => holder }),
    });

    const { leavers, innocents } = await race((next) => {
      holder = next;
      return pool.connect();
    }, RACES);

    await expect.poll(() => pool.stats()).toMatchObject({ used: 0, idle: 1 });
    expect(innocents.total).toEqual({ ok: RACES });
    // Else nobody has raced.
    expect(leavers.count(/^ok$/)).toBeGreaterThan(RACES / 100);
    expect(leavers.count(/^DB_QUERY_CANCELLED$/)).toBeGreaterThan(RACES / 100);
    expect(leavers.except(/^ok$|^DB_QUERY_CANCELLED$/)).toEqual({});
  });

  it('F22 control: has it cancelled when the cancel is not waited for', async () => {
    const { options } = pools.open(database, { poolSize: 1 });
    const gate = new ConnectGate();
    const pool = new Pool<PooledConnection>(options, {
      open: (told) => PooledConnection.open(options, told),
      gate,
    });
    const owner = {
      clock: systemClock,
      statementNames: undefined,
      statementTimeoutMs: 0,
      commentOf: () => undefined,
      mayChangeSession: () => false,
      cancel: ({ connection }: { readonly connection: PooledConnection }) => {
        void sendCancelRequest(targetOf(connection));
        return Promise.resolve('confirmed' as const);
      },
      cancelled: () => undefined,
      queryEnded: () => undefined,
      doubted: () => undefined,
    };

    const { innocents } = await race(
      async (holder) => new LeasedClient(await pool.acquire(holder), owner),
      RACES / 5,
    );
    await pool.close();
    gate.close();

    expect(innocents.count(/^DB_QUERY_CANCELLED$/)).toBeGreaterThan(0);
  });
});
