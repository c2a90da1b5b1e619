import { once } from 'node:events';
import { raw } from '@mikro-orm/postgresql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseObserver } from '#database/database-observer.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';

let database: TestDatabase;
let proxy: TcpProxy;
let sessions: DatabaseSessionManager;
let ended: string[];

beforeAll(async () => {
  database = await TestDatabase.create();
  // Its commit takes as long as the row says.
  await database.query(`
    create table slow_commits (seconds float8);
    create function wait_at_commit() returns trigger language plpgsql as
      $$ begin perform pg_sleep(new.seconds); return null; end $$;
    create constraint trigger wait_at_commit after insert on slow_commits
      deferrable initially deferred for each row execute function wait_at_commit();
    create table accounts (name text primary key, amount int not null);
  `);
});

beforeEach(async () => {
  await database.query(
    `truncate slow_commits, accounts; insert into accounts values ('a', 1), ('b', 1)`,
  );
  proxy = await TcpProxy.start(database.address);
  ended = [];
  const observer: DatabaseObserver = {
    sessionEnded: ({ outcome, code }) => void ended.push(`${outcome} ${code ?? ''}`.trim()),
  };
  sessions = new DatabaseSessionManager();
  await sessions.init({
    ...database.options({ entities, observer, maxOverflow: 0 }),
    connection: { ...database.connection, port: proxy.port },
  });
});

afterEach(async () => {
  await assertClean(sessions);
  await sessions.close();
  await proxy.close();
});

afterAll(async () => {
  await database.drop();
});

const commits = async () =>
  (await database.query<{ n: number }>('select count(*)::int as n from slow_commits'))[0]?.n;
const backendsAt = async (query: string) =>
  await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where query = $1 and state = 'active' and datname = current_database()`,
    [query],
  );

/** Acts on the one backend that runs the query, as soon as one does. */
async function whileRunning(query: string, act: (pid: number) => unknown): Promise<void> {
  await expect.poll(() => backendsAt(query), { timeout: 5000, interval: 10 }).toHaveLength(1);
  const [backend] = await backendsAt(query);
  await act(backend?.pid ?? 0);
}

describe('a commit', () => {
  it('whose answer is lost is unknown, and may have happened', async () => {
    const work = sessions.session((db) => db.execute('insert into slow_commits values (0.5)'));
    const cut = whileRunning('commit', () => proxy.cut());

    await expect(work).rejects.toMatchObject({ code: 'DB_COMMIT_UNKNOWN' });

    await cut;
    expect(ended).toEqual(['error DB_COMMIT_UNKNOWN']);
    await expect.poll(commits, { timeout: 5000 }).toBe(1);
  });

  it('that was never sent, since the connection was lost before, did not happen', async () => {
    const work = sessions.session(async (db) => {
      await db.execute('insert into slow_commits values (0)');
      await db.execute('select pg_sleep(1)');
    });
    const cut = whileRunning('select pg_sleep(1)', () => proxy.cut());

    await expect(work).rejects.toMatchObject({ code: 'DB_CONNECTION_LOST' });

    await cut;
    expect(ended).toEqual(['error DB_CONNECTION_LOST']);
    await expect.poll(() => backendsAt('select pg_sleep(1)'), { timeout: 5000 }).toEqual([]);
    expect(await commits()).toBe(0);
  });

  it('that the server refuses has the code of its reason: two sessions that conflict', async () => {
    const bothHaveRead = Promise.withResolvers<void>();
    let readers = 0;
    const writeSkew = (name: string) =>
      sessions.session(
        async (db) => {
          const [row] = await db.execute<{ total: number }[]>(
            'select sum(amount)::int as total from accounts',
          );
          readers += 1;
          if (readers === 2) {
            bothHaveRead.resolve();
          }
          await bothHaveRead.promise;
          await db.execute('update accounts set amount = ? where name = ?', [row?.total, name]);
        },
        { isolationLevel: 'serializable' },
      );

    const outcomes = await Promise.allSettled([writeSkew('a'), writeSkew('b')]);

    const failures = outcomes.filter(({ status }) => status === 'rejected');
    expect(failures).toMatchObject([
      { reason: { code: 'DB_SERIALIZATION', details: { sqlState: '40001' } } },
    ]);
    expect(ended.toSorted()).toEqual(['commit', 'rollback DB_SERIALIZATION']);
  });

  it('that is cancelled did not happen, and its connection is used again', async () => {
    const pid = () => sessions.session((db) => db.execute('select pg_backend_pid() as pid'));
    const before = await pid();
    const work = sessions.session((db) => db.execute('insert into slow_commits values (2)'));
    const cancelled = whileRunning('commit', (backend) =>
      database.query('select pg_cancel_backend($1)', [backend]),
    );

    await expect(work).rejects.toMatchObject({ code: 'DB_QUERY_CANCELLED' });

    await cancelled;
    expect(await commits()).toBe(0);
    expect(await pid()).toEqual(before);
  });
});

describe('a listener of the ORM', () => {
  /** Listens to the sessions of one manager, and fails at one event. */
  const failingAt = (event: 'beforeTransactionCommit' | 'afterTransactionCommit') =>
    sessions.session(
      async (db) => {
        db.getEventManager().registerSubscriber({
          [event]: () => {
            throw new Error(`${event} failed`);
          },
        });
        await db.execute('insert into slow_commits values (0)');
      },
      { confirmCommit: true },
    );

  it('that fails before the commit keeps it from being sent', async () => {
    await expect(failingAt('beforeTransactionCommit')).rejects.toThrow(
      'beforeTransactionCommit failed',
    );

    expect(await commits()).toBe(0);
    expect(ended).toEqual(['rollback']);
  });

  it('that fails after the commit is warned of, and the session has succeeded', async () => {
    const warned = once(process, 'warning');

    await failingAt('afterTransactionCommit');

    expect(await commits()).toBe(1);
    expect(ended).toEqual(['commit']);
    expect(await warned).toMatchObject([
      { name: 'AfterCommitWarning', detail: expect.stringContaining('failed') },
    ]);
  });
});

describe('a stream', () => {
  it('that fails has a code', async () => {
    const read = async () =>
      await sessions.session(
        async (db) => {
          const rows = db.stream(UserEntity, { where: { [raw('1 / 0 = ?', [1])]: [] } });
          for await (const row of rows) {
            return row;
          }
          return undefined;
        },
        { readOnly: true },
      );

    await expect(read()).rejects.toMatchObject({
      code: 'DB_QUERY_FAILED',
      details: { sqlState: '22012' },
    });
  });
});

describe('check', () => {
  it('tells how long the server took', async () => {
    expect(await sessions.check()).toBeGreaterThan(0);
  });

  it('tells why not', async () => {
    await proxy.close();

    await expect(sessions.check()).rejects.toMatchObject({ code: 'DB_CONNECT_REFUSED' });

    proxy = await TcpProxy.start(database.address);
  });
});

describe('transactions inside of read-only sessions', () => {
  it('see one moment', async () => {
    const level = await sessions.session(
      () =>
        sessions.transaction(
          (db) => db.execute('select current_setting(?) as level', ['transaction_isolation']),
          {
            readOnly: true,
            isolationLevel: 'repeatable read',
          },
        ),
      { readOnly: true },
    );

    expect(level).toEqual([{ level: 'repeatable read' }]);
  });

  it('cannot write', async () => {
    const work = sessions.session(() => sessions.transaction((db) => db.execute('select 1')), {
      readOnly: true,
    });

    await expect(work).rejects.toMatchObject({ code: 'DB_SESSION_READ_ONLY' });
  });
});
