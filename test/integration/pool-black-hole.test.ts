import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { BoundCursor } from '#database/bound-cursor.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';

const BLACK_HOLES = 20;
const STATEMENT_TIMEOUT_MS = 200;
/** A second after the server's own limit. */
const WATCHDOG_MS = STATEMENT_TIMEOUT_MS + 1000;

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

/** Sends a query on a connection whose network swallows everything, then another on the next connection. */
async function queryIntoBlackHole() {
  await using proxy = await TcpProxy.start(database.address);
  const { pool, closed } = pools.open(database, {
    connection: { ...database.connection, port: proxy.port },
    poolSize: 1,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    sessionSettings: { statement_timeout: String(STATEMENT_TIMEOUT_MS) },
  });
  const lease = await pool.connect();
  proxy.freeze();
  const sentAt = performance.now();

  const { code, message } = await failureOf(lease.query('select 1'));
  const failedMs = performance.now() - sentAt;
  const { used } = pool.stats();
  const next = await pool.connect();
  const { rows } = await next.query<{ n: number }>('select 1 as n');

  lease.release();
  next.release();
  await pool.end();
  return {
    code,
    message,
    isInTime: failedMs < 10 * WATCHDOG_MS,
    used,
    rows,
    closed: closed.slice(0, 1),
  };
}

it('F11: a query sent into a black hole fails by the watchdog, its slot comes back and the next query succeeds', async () => {
  const outcomes = await Promise.all(Array.from({ length: BLACK_HOLES }, queryIntoBlackHole));

  expect(outcomes).toEqual(
    Array.from({ length: BLACK_HOLES }, () => ({
      code: 'DB_CONNECTION_LOST',
      message: expect.stringContaining(`no answer within ${WATCHDOG_MS} ms`),
      isInTime: true,
      used: 0,
      rows: [{ n: 1 }],
      closed: ['timeout'],
    })),
  );
});

it('F11: a cursor that is closed in a black hole gives its slot back by the watchdog', async () => {
  await using proxy = await TcpProxy.start(database.address);
  const { pool, closed } = pools.open(database, {
    connection: { ...database.connection, port: proxy.port },
    poolSize: 1,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const lease = await pool.connect();
  const cursor = lease.query(new BoundCursor('select generate_series(1, 1000)', []));
  await cursor.read(1);
  proxy.freeze();

  await cursor.close();

  expect(closed).toEqual(['timeout']);
  expect(pool.stats().used).toBe(0);
  await expect(lease.query('rollback')).rejects.toMatchObject({ code: 'DB_CONNECTION_LOST' });
  lease.release();
});

it('F11 control: plain pg waits on, whatever the server limits and however soon it sends keepalives', async () => {
  await using proxy = await TcpProxy.start(database.address);
  const client = new pg.Client({
    ...database.address,
    port: proxy.port,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 1,
  });
  client.on('error', () => undefined);
  await client.connect();
  proxy.freeze();

  const query = client.query('select 1').catch(() => 'failed');

  expect(await Promise.race([query, delay(3 * WATCHDOG_MS, 'waits')])).toBe('waits');
  proxy.cut();
  expect(await query).toBe('failed');
});
