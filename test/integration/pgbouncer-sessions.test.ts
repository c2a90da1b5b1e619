import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BoundCursor } from '#database/bound-cursor.ts';
import type { Holder } from '#database/pool/holder.ts';
import type { LeasedClient } from '#database/pool/leased-client.ts';
import { sessionPoolOptions } from '#database/pool-options.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { withClient } from '#test/support/databases.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { PgBouncer, hasPgBouncer } from '#test/support/pgbouncer.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import { until } from '#test/support/until.ts';

const RACES = 100;
const pools = new TestPools();
let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
  await database.query('create table things (n int)');
});
afterEach(() => pools.closeAll());
afterAll(() => database.drop());

/** A PgBouncer with so many connections to the server, and sessions that go through it. */
async function pooled(
  overrides: Parameters<TestDatabase['options']>[0] = {},
  serverConnections = 1,
) {
  const bouncer = await PgBouncer.start(database.address, {
    default_pool_size: String(serverConnections),
  });
  const address = bouncer.address();
  const { host, port } = address;
  const options = database.options({
    connection: { ...database.connection, host, port },
    pooler: 'pgbouncer',
    ...overrides,
  });
  const sessions = new DatabaseSessionManager();
  await sessions.init(options);
  return {
    bouncer,
    address,
    sessions,
    options,
    async [Symbol.asyncDispose]() {
      await sessions.close();
      await bouncer[Symbol.asyncDispose]();
    },
  };
}

const SHOW = `select name, setting from pg_settings
  where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_read_only')`;

type Setting = { readonly name: string; readonly setting: string };

/** Waits for the end of whoever has locked the table. */
const PID_ONCE_UNLOCKED = 'select pg_backend_pid() as pid from (select count(*) from things) as n';

const settingsOf = (rows: readonly Setting[]) =>
  Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));

describe.runIf(hasPgBouncer())('a session through PgBouncer', () => {
  it.each([
    [false, 'off'],
    [true, 'on'],
  ])('F31: has its limits, and only while it lasts (read-only: %s)', async (readOnly, isOn) => {
    await using way = await pooled();

    const inside = await way.sessions.session((db) => db.execute<Setting[]>(SHOW), { readOnly });
    const other = await withClient(way.address, (client) => client.query<Setting>(SHOW));

    expect(settingsOf(inside)).toEqual({
      statement_timeout: '5000',
      lock_timeout: '3000',
      idle_in_transaction_session_timeout: '10000',
      transaction_read_only: isOn,
    });
    expect(settingsOf(other.rows)).toEqual({
      statement_timeout: '0',
      lock_timeout: '0',
      idle_in_transaction_session_timeout: '0',
      transaction_read_only: 'off',
    });
  });

  it('F31 control: what a client sets otherwise is met by the next one', async () => {
    await using way = await pooled();
    await withClient(way.address, (client) => client.query('set statement_timeout = 1234'));

    const { rows } = await withClient(way.address, (client) => client.query<Setting>(SHOW));

    expect(settingsOf(rows)).toMatchObject({ statement_timeout: '1234' });
  });

  it('F31: is ended by the server at its limits', async () => {
    await using way = await pooled({ statementTimeoutMs: 200, lockTimeoutMs: 100 });
    const slow = failureOf(way.sessions.session((db) => db.execute('select pg_sleep(9)')));
    expect(await slow).toMatchObject({ code: 'DB_QUERY_TIMEOUT' });

    const locked = await withClient(database.address, async (client) => {
      await client.query('begin; lock table things');
      return await failureOf(way.sessions.session((db) => db.execute('lock table things')));
    });

    expect(locked).toMatchObject({ code: 'DB_LOCK_TIMEOUT' });
  });

  it('F31: is ended by the server when it idles for too long', async () => {
    await using way = await pooled({ idleInTransactionTimeoutMs: 100 });

    const idle = await failureOf(
      way.sessions.session(async (db) => {
        await delay(400);
        await db.execute('select 1');
      }),
    );

    expect(idle).toMatchObject({ code: 'DB_CONNECTION_LOST' });
  });

  it('cannot write when it is read-only, not even by its own statement', async () => {
    await using way = await pooled();

    const write = (text: string) =>
      failureOf(way.sessions.session((db) => db.execute(text), { readOnly: true }));

    expect(await write('insert into things values (1)')).toMatchObject({
      code: 'DB_SESSION_READ_ONLY',
    });
    expect(await write('set transaction read write')).toMatchObject({ code: 'DB_QUERY_FAILED' });
    expect(await database.query('select * from things')).toEqual([]);
  });

  it.each([
    ['a fork', (db: EntityManager, text: string) => db.fork().execute<Setting[]>(text)],
    ['a transaction of a fork', inOwnTransaction],
    ['a stream of a fork', streamed],
  ])(
    'holds what is sent beside its transaction by %s to the same, which cannot write',
    async (_way, send) => {
      await using way = await pooled({}, 2);

      const found = await way.sessions.session((db) => send(db, SHOW));
      const write = await failureOf(
        way.sessions.session((db) =>
          send(db, `insert into things values (1) returning '' as name, '' as setting`),
        ),
      );
      const { rows } = await withClient(way.address, (client) => client.query<Setting>(SHOW));

      expect(settingsOf(found)).toMatchObject({
        statement_timeout: '5000',
        transaction_read_only: 'on',
      });
      expect(write).toMatchObject({ code: 'DB_READ_ONLY' });
      expect(settingsOf(rows)).toMatchObject({
        statement_timeout: '0',
        transaction_read_only: 'off',
      });
      expect(await database.query('select * from things')).toEqual([]);
    },
  );

  it('takes three round trips: its limits go with BEGIN', async () => {
    await using way = await pooled();
    await way.sessions.session((db) => db.execute('select 1'));
    const before = await served(way);

    for (let round = 0; round < 10; round += 1) {
      await way.sessions.session((db) => db.execute('select ?::int', [round]));
    }

    expect((await served(way)) - before).toBe(30);
  });

  it('is known by the process that serves it, for as long as that does', async () => {
    await using way = await pooled();

    const { pids, holders } = await way.sessions.session(async (db) => ({
      pids: await db.execute<{ pid: number }[]>('select pg_backend_pid() as pid'),
      holders: way.sessions.holders(),
    }));
    await using held = await heldClient(way);

    expect(holders).toMatchObject([{ pid: pids[0]?.pid, transaction: 'open' }]);
    expect(held.holders()).toMatchObject([{ pid: undefined, transaction: 'idle' }]);
  });

  it.each([
    [
      'a statement',
      async (client: LeasedClient) => {
        const asked = client.query<{ pid: number }>(PID_ONCE_UNLOCKED);
        return { rows: asked.then(({ rows }) => rows), close: () => asked };
      },
    ],
    [
      'a cursor',
      async (client: LeasedClient) => {
        const cursor = client.query(new BoundCursor<{ pid: number }>(PID_ONCE_UNLOCKED, []));
        return { rows: cursor.read(1), close: () => cursor.close() };
      },
    ],
  ])('beside it, %s is known by the process that runs it', async (_what, ask) => {
    await using way = await pooled();
    await using held = await heldClient(way);
    // Its last transaction is not to have had the same process.
    await way.bouncer.admin('reconnect');

    const { told, rows } = await withClient(database.address, async (other) => {
      await other.query('begin; lock table things');
      const { rows, close } = await ask(held.client);
      const told = await until('it has begun', () =>
        held.holders().find(({ transaction }) => transaction === 'open'),
      );
      await other.query('rollback');
      const found = await rows;
      await close();
      return { told, rows: found };
    });

    expect(rows[0]?.pid).not.toBe(held.lastPid);
    expect(told).toMatchObject({ pid: rows[0]?.pid });
    expect(held.holders()).toMatchObject([{ pid: undefined }]);
  });

  it('that asks for the position of its commit takes one round trip more', async () => {
    await using way = await pooled();
    let positions = 0;
    const holder = { name: 'writer', onPosition: () => void (positions += 1) };
    const { pool } = pools.open(database, {
      ...sessionPoolOptions(way.options, way.options.connection ?? database.connection),
      parts: () => ({ currentHolder: () => holder }),
    });
    const client = await pool.connect();
    const before = await served(way);

    for (let round = 0; round < 10; round += 1) {
      await client.query('begin read write');
      await client.query('commit');
    }
    client.release();

    expect(positions).toBe(10);
    expect((await served(way)) - before).toBe(30);
  });

  it('sees what was committed before its first statement, whatever its isolation', async () => {
    await using way = await pooled();

    const seen = await way.sessions.session(
      async (db) => {
        await database.query('insert into things values (7)');
        return await db.execute('select n from things');
      },
      { isolationLevel: 'repeatable read' },
    );

    expect(seen).toEqual([{ n: 7 }]);
  });

  it('prepares nothing', async () => {
    await using way = await pooled();

    for (let round = 0; round < 5; round += 1) {
      await way.sessions.session((db) => db.execute('select ?::int', [round]));
    }

    expect(way.sessions.stats().prepared).toBe(0);
  });

  it(`F22: is never hit by the cancel of the one before, in ${RACES} races`, async () => {
    await using way = await pooled();
    let holder: Holder | undefined;
    const { pool } = pools.open(database, {
      ...sessionPoolOptions(way.options, way.options.connection ?? database.connection),
      poolSize: 2,
      maxOverflow: 0,
      parts: () => ({ currentHolder: () => holder }),
    });
    const run = async (next: Holder) => {
      holder = next;
      try {
        const lease = await pool.connect();
        await lease.query('select pg_sleep(0.002)').finally(() => lease.release());
        return 'ok';
      } catch (error) {
        return String(Reflect.get(Object(error), 'code'));
      }
    };

    const leavers: string[] = [];
    const innocents: string[] = [];
    for (let round = 0; round < RACES; round += 1) {
      const leaving = new AbortController();
      const running = run({ name: 'leaver', signal: leaving.signal });
      await delay(round % 4);
      leaving.abort();
      // The other connection of the pool gets the same process of the server.
      innocents.push(await run({ name: 'innocent' }));
      leavers.push(await running);
    }

    expect(innocents.filter((outcome) => outcome !== 'ok')).toEqual([]);
    expect(leavers.filter((outcome) => outcome === 'DB_QUERY_CANCELLED').length).toBeGreaterThan(0);
  });
});

/** How many round trips of clients to this database PgBouncer has counted. */
async function served({ bouncer }: Awaited<ReturnType<typeof pooled>>): Promise<number> {
  const stats = await bouncer.admin('show stats_totals');
  const ours = stats.find((row) => row['database'] === database.address.database);
  return Number(ours?.['query_count']);
}

async function inOwnTransaction(db: EntityManager, text: string): Promise<Setting[]> {
  return await db.fork().transactional((own) => own.execute<Setting[]>(text));
}

async function streamed(db: EntityManager, text: string): Promise<Setting[]> {
  const rows: Setting[] = [];
  for await (const row of db.fork().getConnection().stream<Setting>(text)) rows.push(row);
  return rows;
}

/** A connection that is held outside of a transaction. */
async function heldClient({ options }: Awaited<ReturnType<typeof pooled>>) {
  const { pool } = pools.open(
    database,
    sessionPoolOptions(options, options.connection ?? database.connection),
  );
  const client = await pool.connect();
  await client.query('begin');
  const lastPid = client.processID;
  await client.query('commit');
  return {
    client,
    /** The process that ran its transaction. */
    lastPid,
    holders: () => pool.holders(),
    [Symbol.asyncDispose]: async () => client.release(),
  };
}
