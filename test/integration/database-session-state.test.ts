import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BoundCursor } from '#database/bound-cursor.ts';
import type { LeasedClient } from '#database/pool/leased-client.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPool, TestPoolOptions } from '#test/support/test-pools.ts';

const SESSIONS = 1000;
const ROLE = `other_${randomBytes(4).toString('hex')}`;

let database: TestDatabase;
const pools = new TestPools();

beforeAll(async () => {
  database = await TestDatabase.create();
  await database.query(`
    create sequence numbers;
    create function meddle() returns int language plpgsql as $$
      begin
        perform set_config('work_mem', '1MB', false), set_config('app.tenant', 'mine', false);
        perform pg_advisory_lock(7);
        return 1;
      end $$;
    create procedure meddle_too() language plpgsql as $$
      begin
        set search_path to nowhere;
        create temp table in_procedure (n int);
      end $$;
    create function last_number() returns bigint language plpgsql as $$
      begin
        return lastval();
      exception when object_not_in_prerequisite_state then
        return null;
      end $$;
    create role ${ROLE} nologin`);
});

afterEach(async () => {
  await pools.closeAll();
});

afterAll(async () => {
  await database.query(`drop role ${ROLE}`);
  await database.drop();
});

/** What leaves something behind, in the ways that SQL offers. */
const MEDDLING: readonly (readonly string[])[] = [
  ...[
    'set statement_timeout = 12345',
    'SeT/* all of it */\nsearch_path = nowhere',
    'set time zone 3',
    'set session characteristics as transaction isolation level serializable',
    'set default_transaction_read_only = on',
    `set app.tenant = 'mine'`,
    `set role ${ROLE}`,
    `set session authorization ${ROLE}`,
    'set local work_mem = 64; set work_mem = 64',
    'select 1; set extra_float_digits = 0',
    `select set_config('search_path', 'nowhere', false)`,
    `select pg_catalog.set_config('work_mem', '2MB', false)`,
    `select "set_config"('work_mem', '3MB', false)`,
    `with done as (select set_config('datestyle', 'German', false)) select * from done`,
    `select 1 where set_config('lock_timeout', '99', false) is null`,
    `explain analyze select set_config('work_mem', '4MB', false)`,
    'select meddle()',
    'select 1 order by meddle()',
    'call meddle_too()',
    `do $$ begin perform meddle(); end $$`,
    `do 'begin set work_mem = 65; end'`,
    'select nextval($$numbers$$)',
    'create temp table mine (n int)',
    'create temporary view mine_too as select 1',
    'create temp sequence mine_three',
    'select 1 as n into temp mine',
    'create table pg_temp.mine as select 1',
    'listen mine',
    'select pg_advisory_lock(1)',
    'select pg_try_advisory_lock_shared(2)',
    'prepare mine as select 1',
    'declare mine cursor with hold for select 1',
    'discard plans; listen mine',
  ].map((text) => [text]),
  ['begin', 'set work_mem = 66', 'commit'],
  ['begin', 'listen mine', 'commit'],
  ['begin', 'select pg_advisory_lock(3)', 'rollback'],
  ['begin', 'savepoint here', 'set work_mem = 67', 'release savepoint here', 'commit'],
  ['begin', 'declare mine cursor with hold for select 1', 'fetch mine', 'commit'],
  ['begin', 'select pg_advisory_lock(4)', 'select 1 / 0', 'rollback'],
  [
    'prepare mine as select set_config($1, $2, false)',
    `execute mine('work_mem', '5MB')`,
    'deallocate mine',
  ],
];

/** What the next holder of a server session meets. */
const STATE = `
  select
    (select coalesce(json_agg(array[name, setting] order by name), '[]') from pg_settings
      where source = 'session') as settings,
    json_build_array(current_user, session_user, current_setting('search_path')) as identity,
    coalesce(current_setting('app.tenant', true), '') as tenant,
    (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks,
    (select count(*)::int from pg_class where relpersistence = 't'
      and relnamespace = pg_my_temp_schema()) as "temporary",
    public.last_number() as number,
    (select count(*)::int from pg_prepared_statements) as prepared,
    (select count(*)::int from pg_cursors where is_holdable) as cursors,
    (select count(*)::int from pg_listening_channels()) as channels`;

const stateFor = async (lease: LeasedClient) => (await lease.query(STATE)).rows[0];

async function withLease<T>({ pool }: TestPool, work: (lease: LeasedClient) => Promise<T>) {
  const lease = await pool.connect();
  try {
    return await work(lease);
  } finally {
    lease.release();
  }
}

/** One holder after the other on one connection; what each next one met that differs from a new session. */
async function metAfter(
  conducts: readonly (readonly (readonly string[])[])[],
  send: (lease: LeasedClient, text: string) => Promise<unknown>,
  options: TestPoolOptions = {},
) {
  const tested = pools.open(database, { poolSize: 1, ...options });
  const fresh = await withLease(tested, stateFor);
  const met: unknown[] = [];
  for (const conduct of conducts) {
    await withLease(tested, async (lease) => {
      for (const text of conduct.flat()) {
        // Whatever fails leaves behind what came before it.
        await send(lease, text).catch(() => undefined);
      }
    });
    met.push(await withLease(tested, stateFor));
  }
  await tested.pool.end();
  return {
    fresh,
    different: met.filter((state) => JSON.stringify(state) !== JSON.stringify(fresh)),
    met,
  };
}

const asStatement = (lease: LeasedClient, text: string) => lease.query(text);
const asStream = async (lease: LeasedClient, text: string) => {
  const cursor = lease.query(new BoundCursor(text, []));
  await cursor.read(10);
  await cursor.close();
};

describe('the next holder of a connection', () => {
  it(`F14: meets a new session after each of ${SESSIONS} that meddled with theirs at random`, async () => {
    const [conducts = []] = fc.sample(
      fc.array(fc.array(fc.constantFrom(...MEDDLING), { minLength: 1, maxLength: 3 }), {
        minLength: SESSIONS,
        maxLength: SESSIONS,
      }),
      { numRuns: 1 },
    );

    const { fresh, different, met } = await metAfter(conducts, asStatement);

    expect(met).toHaveLength(SESSIONS);
    expect(fresh).toMatchObject({
      settings: [],
      locks: 0,
      temporary: 0,
      prepared: 0,
      cursors: 0,
      channels: 0,
    });
    expect(different).toEqual([]);
  });

  it('F14: meets a new session after a stream that meddled', async () => {
    const { different } = await metAfter(
      [[[`select set_config('work_mem', '6MB', false)`]], [['select meddle()']]],
      asStream,
    );

    expect(different).toEqual([]);
  });

  it.each(
    MEDDLING.map((texts) => ({ texts: texts.join('; ').replaceAll('\n', ' '), conduct: [texts] })),
  )(
    'F14 control: meets what was left behind when nothing is reset: $texts',
    async ({ conduct }) => {
      const { different } = await metAfter([conduct], asStatement, { isResetting: false });

      expect(different).toHaveLength(1);
    },
  );
});

describe('a session of the ORM', () => {
  /** What is sent through a proxy; nothing is cut. */
  function texts(proxy: TcpProxy): string[] {
    const seen: string[] = [];
    void proxy.cutAt(({ from, text }) => {
      seen.push(...(from === 'client' && text !== '' ? [text] : []));
      return false;
    });
    return seen;
  }

  it('F14: is not reset, whatever it does, and one of raw statements is, once', async () => {
    await using proxy = await TcpProxy.start(database.address, { isPostgres: true });
    await using sessions = new DatabaseSessionManager();
    const sent = texts(proxy);
    await sessions.init({
      ...database.options({ entities, poolSize: 1, maxOverflow: 0 }),
      connection: { ...database.connection, port: proxy.port },
    });
    const resets = () => sent.filter((text) => text === 'discard all').length;

    for (let round = 0; round < 50; round += 1) {
      const email = `state-${round}@example.com`;
      await sessions.session(async (db) => {
        db.create(UserEntity, { email, name: 'Ada' });
        await db.flush();
        await sessions.transaction(async (nested) => {
          (await nested.findOneOrFail(UserEntity, { email })).name = 'Grace';
        });
        await db.count(UserEntity, { name: { $like: 'Gr%' } });
      });
      await sessions.session(
        (db) => db.find(UserEntity, {}, { limit: 3, orderBy: { email: 'asc' } }),
        {
          readOnly: true,
        },
      );
      await sessions.session((db) => db.nativeDelete(UserEntity, { email }));
      await sessions.check();
    }
    const statements = sent.length;
    const before = resets();
    await sessions.session((db) => db.execute('set work_mem = 64'), { readOnly: true });
    await sessions.check();

    expect(statements).toBeGreaterThan(200);
    expect(before).toBe(0);
    expect(resets()).toBe(1);
    await assertClean(sessions);
  });

  it('F14: is not reset for what is asked about its commit', async () => {
    await using proxy = await TcpProxy.start(database.address, { isPostgres: true });
    await using sessions = new DatabaseSessionManager();
    const sent = texts(proxy);
    const connection = { ...database.connection, port: proxy.port };
    await sessions.init({ ...database.options(), connection });
    let positions = 0;
    const holder = { name: 'writer', onPosition: () => void (positions += 1) };
    const { pool } = pools.open(database, {
      connection,
      parts: () => ({ currentHolder: () => holder }),
    });

    await sessions.session((db) => db.execute('select 1'), { confirmCommit: true });
    await sessions.check();
    const lease = await pool.connect();
    await lease.query('begin read write');
    await lease.query('commit');
    lease.release();
    (await pool.connect()).release();

    expect(positions).toBe(1);
    expect(sent.filter((text) => text.includes('pg_current_wal_insert_lsn'))).toHaveLength(2);
    expect(sent).not.toContain('discard all');
    await assertClean(sessions);
  });
});
