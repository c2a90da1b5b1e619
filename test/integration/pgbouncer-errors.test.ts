import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { statusOf } from '#http/error-status.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { PgBouncer, hasPgBouncer } from '#test/support/pgbouncer.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPoolOptions } from '#test/support/test-pools.ts';

const pools = new TestPools();
let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterEach(() => pools.closeAll());
afterAll(() => database.drop());

/** A pool of the service behind a PgBouncer with these settings. */
async function behind(
  settings: Readonly<Record<string, string>>,
  changes: TestPoolOptions & { readonly to?: Partial<DatabaseConnection> } = {},
) {
  const bouncer = await PgBouncer.start(database.address, settings);
  const { to, ...options } = changes;
  const { pool } = pools.open(database, { ...optionsOf(bouncer, to), ...options });
  return { bouncer, pool };
}

function optionsOf(bouncer: PgBouncer, to: Partial<DatabaseConnection> = {}): TestPoolOptions {
  const { host, port } = bouncer.address();
  return { isPooled: true, connection: { ...database.connection, host, port, ...to } };
}

/** What an operator and a client get to see. */
const told = (failure: DatabaseError) => ({
  code: failure.code,
  status: statusOf(failure.code, 'GET'),
  says: failure.message,
});

describe.runIf(hasPgBouncer())('what PgBouncer says in its own name', () => {
  it('no room for a client is too many connections', async () => {
    const { bouncer, pool } = await behind({ max_client_conn: '1' });
    await using _ = bouncer;
    const { pool: other } = pools.open(database, optionsOf(bouncer));
    const first = await other.connect();

    const failure = await failureOf(pool.connect());
    first.release();

    expect(told(failure)).toMatchObject({
      code: 'DB_TOO_MANY_CONNECTIONS',
      status: 503,
      says: expect.stringContaining('max_client_conn'),
    });
  });

  it('no connection to the server in time is a server that does not serve now', async () => {
    const { bouncer, pool } = await behind(
      { default_pool_size: '1', query_wait_timeout: '1' },
      { connectTimeoutMs: 4000 },
    );
    await using _ = bouncer;
    const first = await pool.connect();
    const second = await pool.connect();
    await first.query('begin');

    const failure = await failureOf(second.query('begin'));
    await first.query('rollback');
    for (const lease of [first, second]) lease.release();

    expect(told(failure)).toMatchObject({
      code: 'DB_UNAVAILABLE',
      status: 503,
      says: expect.stringContaining('query_wait_timeout'),
    });
  });

  it('a server that it cannot log in to does not serve now, and is not asked again at once', async () => {
    const settings = { auth_user: '', query_wait_timeout: '1', server_login_retry: '9' };
    const { bouncer, pool } = await behind(settings, {
      connectTimeoutMs: 4000,
      to: { user: 'nobody' },
    });
    await using _ = bouncer;
    const { pool: other } = pools.open(database, optionsOf(bouncer, { user: 'nobody' }));

    const failures = [await failureOf(pool.connect()), await failureOf(other.connect())];

    expect(failures.map(told)).toMatchObject([
      { code: 'DB_UNAVAILABLE', status: 503, says: expect.stringContaining('query_wait_timeout') },
      { code: 'DB_UNAVAILABLE', status: 503, says: expect.stringContaining('server_login_retry') },
    ]);
  });

  it.each([
    ['a role', { user: 'nobody' }, 'DB_AUTH_FAILED'],
    ['a password', { password: { reveal: () => 'wrong' } }, 'DB_AUTH_FAILED'],
    ['a database', { database: 'nowhere_test' }, 'DB_NOT_FOUND'],
  ] as const)(
    '%s that is not known has the code that it has without a pooler',
    async (_what, to, code) => {
      const { bouncer, pool } = await behind({}, { to });
      await using _ = bouncer;

      expect(told(await failureOf(pool.connect()))).toMatchObject({ code, status: 503 });
    },
  );

  it.each([
    ['a statement that it ends', { query_timeout: '1' }, true, 'DB_QUERY_TIMEOUT', 504],
    [
      'a transaction that it ends',
      { idle_transaction_timeout: '1' },
      false,
      'DB_CONNECTION_LOST',
      503,
    ],
  ] as const)('%s has its code', async (_what, settings, isSlow, code, status) => {
    const { bouncer, pool } = await behind(settings);
    await using _ = bouncer;
    const lease = await pool.connect();
    await lease.query('begin');

    const sleeping = isSlow ? failureOf(lease.query('select pg_sleep(9)')) : undefined;
    await expect.poll(() => pool.stats().used, { timeout: 20_000 }).toBe(0);
    const failure = await (sleeping ?? failureOf(lease.query('select 1')));
    lease.release();

    expect(told(failure)).toMatchObject({ code, status });
  });

  it('a server process that ends under a transaction is a lost connection', async () => {
    const { bouncer, pool } = await behind({});
    await using _ = bouncer;
    const lease = await pool.connect();
    await lease.query('begin');
    const { rows } = await lease.query<{ pid: number }>('select pg_backend_pid() as pid');
    const statement = failureOf(lease.query('select pg_sleep(9)'));
    await database.query('select pg_terminate_backend($1)', [rows[0]?.pid]);

    expect(told(await statement)).toMatchObject({ code: 'DB_CONNECTION_LOST', status: 503 });
    lease.release();
  });

  it('its own end is a lost connection, and then a refused one', async () => {
    const { bouncer, pool } = await behind({});
    await using _ = bouncer;
    const lease = await pool.connect();
    const statement = failureOf(lease.query('select pg_sleep(9)'));
    await bouncer.kill();

    expect(told(await statement)).toMatchObject({ code: 'DB_CONNECTION_LOST', status: 503 });
    lease.release();
    expect(told(await failureOf(pool.connect()))).toMatchObject({
      code: 'DB_CONNECT_REFUSED',
      status: 503,
    });
  });

  it('a mode without transactions is a setting to mend', async () => {
    const { bouncer, pool } = await behind({ pool_mode: 'statement' });
    await using _ = bouncer;
    const lease = await pool.connect();

    const failure = await failureOf(lease.query('begin'));
    lease.release();

    expect(told(failure)).toMatchObject({
      code: 'CONFIG_INVALID',
      says: expect.stringContaining('statement pooling mode'),
    });
  });

  it('settings of a session that it refuses are a setting to mend', async () => {
    const { bouncer, pool } = await behind(
      {},
      { isPooled: false, sessionSettings: { statement_timeout: '5000' } },
    );
    await using _ = bouncer;

    expect(told(await failureOf(pool.connect()))).toMatchObject({
      code: 'CONFIG_INVALID',
      says: expect.stringContaining('set DB_POOLER=pgbouncer'),
    });
  });
});
