import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { failureOf } from '#test/support/failure-of.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPool } from '#test/support/test-pools.ts';

/** A hundred timeouts: as many waves of as many connections. */
const WAVES = 5;
const CONNECTIONS = 20;
/** Longer than the watchdog waits, over before the test is. */
const TOO_LONG = 'select pg_sleep(3)';

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

/** Times out in a transaction; resolves to the backend that ran it, and the error's code. */
async function timeOutInTransaction({ pool }: TestPool) {
  const lease = await pool.connect();
  await lease.query('begin');
  const { code } = await failureOf(lease.query(TOO_LONG));
  lease.release();
  return { pid: lease.processID, code };
}

const transactionsOf = async (applicationName: string) =>
  await database.query(
    'select from pg_stat_activity where application_name = $1 and xact_start is not null',
    [applicationName],
  );

it('F12: a connection on which the watchdog gave a statement up is used by nobody again', async () => {
  const test = pools.open(database, {
    poolSize: CONNECTIONS,
    // The server's own limit is not set, so the watchdog alone ends a statement, a second later.
    statementTimeoutMs: 100,
  });
  const lanes = Array.from({ length: CONNECTIONS }, async () => {
    const ended: Awaited<ReturnType<typeof timeOutInTransaction>>[] = [];
    while (ended.length < WAVES) {
      ended.push(await timeOutInTransaction(test));
    }
    return ended;
  });

  const timeouts = (await Promise.all(lanes)).flat();

  const count = WAVES * CONNECTIONS;
  expect(timeouts.map(({ code }) => code)).toEqual(Array(count).fill('DB_CONNECTION_LOST'));
  expect(new Set(timeouts.map(({ pid }) => pid)).size).toBe(count);
  expect(test.closed).toEqual(Array(count).fill('timeout'));
  expect(test.pool.stats()).toMatchObject({ used: 0, waiting: 0 });
  const next = await test.pool.connect();
  await next.query('select 1');
  next.release();
  await expect
    .poll(() => transactionsOf(test.options.applicationName), { timeout: 20_000 })
    .toEqual([]);
});

it('F12 control: with the timeout of plain pg the next borrower is inside the transaction of the last', async () => {
  const applicationName = 'plain-timeout';
  const plain = new pg.Pool({
    ...database.address,
    application_name: applicationName,
    max: 1,
    query_timeout: 500,
  });
  const client = await plain.connect();
  await client.query('begin');
  await client.query('select pg_sleep(1)').catch(() => undefined);
  client.release();

  const next = await plain.connect();

  expect(next).toBe(client);
  expect(await transactionsOf(applicationName)).toHaveLength(1);
  next.release(true);
  await plain.end();
});
