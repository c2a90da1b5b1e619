import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseSessionManager, getDb } from '#database/session-manager.ts';
import type { SessionOptions } from '#database/session-options.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { errorCode } from '#test/support/error-code.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

let database: TestDatabase;
let sessions: DatabaseSessionManager;

beforeAll(async () => {
  database = await TestDatabase.create();
  await database.query('create table marks (mark text unique)');
  sessions = new DatabaseSessionManager();
  await sessions.init(
    database.options({
      entities,
      poolSize: 3,
      maxOverflow: 0,
      acquireTimeoutMs: 20_000,
      queueLimit: 500,
    }),
  );
});

beforeEach(async () => {
  await database.query('truncate marks, users cascade');
});

afterEach(async () => {
  await assertClean(sessions);
});

afterAll(async () => {
  await sessions.close();
  await database.drop();
});

const mark = (db: EntityManager, text: string) =>
  db.execute('insert into marks values (?)', [text]);
const marks = async () =>
  (await database.query<{ mark: string }>('select mark from marks order by mark')).map(
    (row) => row.mark,
  );
const idleInTransaction = () =>
  database.query(
    `select pid from pg_stat_activity
     where state like 'idle in transaction%' and datname = current_database()`,
  );

describe('a session whose work goes on after an error', () => {
  const swallow = (error: unknown) => void error;

  it.each([
    ['a statement', (db: EntityManager) => mark(db, 'first').catch(swallow)],
    [
      'a flush',
      async (db: EntityManager) => {
        getDb().create(UserEntity, { email: 'ada@example.org', name: 'Ada' });
        getDb().create(UserEntity, { email: 'ada@example.org', name: 'Ada' });
        await db.flush().catch(swallow);
        db.clear();
      },
    ],
    [
      'a query of kysely',
      (db: EntityManager) =>
        db
          .getKysely<{ marks: { mark: string } }>()
          .insertInto('marks')
          .values({ mark: 'first' })
          .execute()
          .catch(swallow),
    ],
  ])('F37: of %s is told that nothing was committed', async (_what, failing) => {
    const work = sessions.session(async (db) => {
      await mark(db, 'first');
      await failing(db);
    });

    await expect(work).rejects.toMatchObject({
      code: 'DB_QUERY_FAILED',
      message: expect.stringContaining('commit was answered by rollback'),
    });
    expect(await marks()).toEqual([]);
  });

  it('F37: is committed with what came before when the part that failed was a transaction of its own', async () => {
    await sessions.session(async (db) => {
      await mark(db, 'first');
      await sessions.transaction((inner) => mark(inner, 'first')).catch(swallow);
      await mark(db, 'second');
    });

    expect(await marks()).toEqual(['first', 'second']);
  });
});

describe('twenty statements at once of which one fails, 200 times', { timeout: 60_000 }, () => {
  const TIMES = 200;

  it('F38: end the session with that failure, roll everything back and leave the pool clean', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    const fail = (time: number) =>
      sessions.session((db) =>
        Promise.all(
          Array.from({ length: 20 }, async (_unused, index) => {
            await db.execute(index === time % 20 ? 'select 1 / 0' : 'select 1');
            await mark(db, `${time} ${index}`);
          }),
        ),
      );

    const failures = await Promise.all(
      Array.from({ length: TIMES }, (_unused, time) => fail(time).catch(errorCode)),
    );

    process.off('unhandledRejection', onUnhandled);
    expect(failures).toEqual(failures.map(() => 'DB_QUERY_FAILED 22012'));
    expect(unhandled).toEqual([]);
    expect(await marks()).toEqual([]);
  });
});

describe('a session that thinks for too long', () => {
  let impatient: DatabaseSessionManager;

  beforeAll(async () => {
    impatient = new DatabaseSessionManager();
    await impatient.init(database.options({ poolSize: 1, idleInTransactionTimeoutMs: 200 }));
  });
  afterEach(async () => {
    await assertClean(impatient);
  });
  afterAll(async () => {
    await impatient.close();
  });

  it.each([
    ['asks nothing more', () => Promise.resolve()],
    ['asks once more', (db: EntityManager) => db.execute('select 1')],
    ['swallows that it is over', (db: EntityManager) => db.execute('select 1').catch(() => 0)],
  ])('F39: and then %s has lost its connection and nothing else', async (_then, goOn) => {
    let isThinking = false;
    const work = impatient.session(async (db) => {
      await mark(db, 'thinking');
      isThinking = true;
      await delay(600);
      await goOn(db);
    });
    const slots = until('the slot is free while the session still thinks', () =>
      isThinking && impatient.activeSessions === 1 && impatient.stats().used === 0
        ? true
        : undefined,
    );

    await expect(work).rejects.toMatchObject({ code: 'DB_CONNECTION_LOST' });

    expect(await slots).toBe(true);
    expect(await marks()).toEqual([]);
    expect(await idleInTransaction()).toEqual([]);
    expect(await impatient.session((db) => db.execute('select 1 as one'))).toEqual([{ one: 1 }]);
  });

  it('F39: is not hurried when it is read-only, and holds no connection while it thinks', async () => {
    const used = await impatient.session(
      async (db) => {
        await db.execute('select 1');
        await delay(600);
        await db.execute('select 1');
        return impatient.stats().used;
      },
      { readOnly: true },
    );

    expect(used).toBe(0);
  });
});

describe('what is used after its end', () => {
  it.each([
    ['an EntityManager', (db: EntityManager) => db.count(UserEntity)],
    ['a fork of it', (db: EntityManager) => db.fork().count(UserEntity)],
    ['a raw statement', (db: EntityManager) => db.execute('select 1')],
    ['a transaction', (db: EntityManager) => db.transactional(() => Promise.resolve())],
    ['a flush', (db: EntityManager) => db.flush()],
  ])('F39: is refused with DB_SESSION_ENDED: %s', async (_what, use) => {
    const kept = await sessions.session((db) => Promise.resolve(db));

    const late = (async () => await use(kept))();

    await expect(late).rejects.toMatchObject({ code: 'DB_SESSION_ENDED' });
  });

  it('F39: getDb in work that was not awaited is refused', async () => {
    const ended = Promise.withResolvers<void>();
    const { late } = await sessions.session(() =>
      Promise.resolve({ late: ended.promise.then(() => getDb()) }),
    );
    ended.resolve();

    await expect(late).rejects.toMatchObject({ code: 'DB_SESSION_ENDED' });
  });

  it('F39: a query of kysely that was kept does not reach the session’s connection', async () => {
    const kept = await sessions.session((db) =>
      Promise.resolve({ kysely: db.getKysely<{ marks: { mark: string } }>() }),
    );

    const late = kept.kysely.insertInto('marks').values({ mark: 'late' }).execute();

    await expect(late).rejects.toThrow(/committed/);
    expect(await marks()).toEqual([]);
  });

  it('F39: a manager that is closed refuses with DB_CLOSED', async () => {
    const manager = new DatabaseSessionManager();
    await manager.init(database.options({}));
    const entered = Promise.withResolvers<void>();
    const running = manager.session(async (db) => {
      entered.resolve();
      await delay(50);
      return await db.execute('select 1 as one');
    });
    await entered.promise;
    const closing = manager.close();

    await expect(manager.session(() => Promise.resolve())).rejects.toMatchObject({
      code: 'DB_CLOSED',
    });

    expect(await running).toEqual([{ one: 1 }]);
    await closing;
    expect(() => manager.holders()).toThrow(expect.objectContaining({ code: 'DB_CLOSED' }));
    expect(() => manager.connectGate).toThrow(expect.objectContaining({ code: 'DB_CLOSED' }));
  });
});

describe('a session whose signal is aborted', () => {
  const gone = new Error('the client has gone');

  /** Runs a session and aborts it when `when` says so. */
  async function aborted(
    when: () => boolean | Promise<boolean>,
    work: (db: EntityManager) => Promise<unknown>,
    options: SessionOptions = {},
  ): Promise<unknown> {
    const controller = new AbortController();
    const session = sessions.session(work, {
      name: 'GET /slow',
      ...options,
      signal: controller.signal,
    });
    const outcome = session.then(
      () => 'committed',
      (error: unknown) => error,
    );
    await until('it is time to abort', async () => ((await when()) ? true : undefined));
    controller.abort(gone);
    return await outcome;
  }

  const isRunning = async (text: string) =>
    (
      await database.query(`select 1 from pg_stat_activity where query = $1 and state = 'active'`, [
        text,
      ])
    ).length > 0;

  it.each([{}, { readOnly: true }, { repeatable: true }])(
    'F41: fails with its reason, cancelled on the server and rolled back: %o',
    async (options) => {
      const outcome = await aborted(
        () => isRunning('select pg_sleep(20)'),
        (db) => db.execute('select pg_sleep(20)'),
        options,
      );

      expect(outcome).toBe(gone);
      expect(await isRunning('select pg_sleep(20)')).toBe(false);
      expect(sessions.stats().used).toBe(0);
    },
  );

  it('F41: may not go on: what it still sends is refused, and it is rolled back', async () => {
    const codes: string[] = [];
    const note = (error: unknown) => void codes.push(errorCode(error));
    const outcome = await aborted(
      () => isRunning('select pg_sleep(20)'),
      async (db) => {
        await mark(db, 'aborted');
        await db.execute('select pg_sleep(20)').catch(note);
        await db.execute('select 1').catch(note);
      },
    );

    expect(outcome).toBe(gone);
    expect(codes).toEqual(['DB_QUERY_CANCELLED 57014', 'DB_QUERY_CANCELLED']);
    expect(await marks()).toEqual([]);
  });

  it('F41: leaves the queue of the pool', async () => {
    const release = Promise.withResolvers<void>();
    const holders = Array.from({ length: 3 }, () => sessions.session(() => release.promise));
    await until('all are held', () => (sessions.stats().used === 3 ? true : undefined));

    const outcome = await aborted(
      () => sessions.stats().waiting === 1,
      (db) => db.execute('select 1'),
    );

    expect(outcome).toBe(gone);
    expect(sessions.stats().waiting).toBe(0);
    release.resolve();
    await Promise.all(holders);
  });

  it('takes the transaction of its own with it that it has opened', async () => {
    const outcome = await aborted(
      () => isRunning('select pg_sleep(20)'),
      () =>
        sessions.transaction((inner) => inner.execute('select pg_sleep(20)'), {
          propagation: 'new',
        }),
    );

    expect(outcome).toBe(gone);
  });

  it('is not begun when that was before', async () => {
    const work = sessions.session(() => Promise.reject(new Error('was run')), {
      signal: AbortSignal.abort(gone),
    });

    await expect(work).rejects.toBe(gone);
  });
});

describe('what a manager tells of its pool', () => {
  it('is who holds a connection and who waits, by the names and trace ids of their sessions', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const release = Promise.withResolvers<void>();
    const hold = (name: string) =>
      sessions.session(() => sessions.transaction(() => release.promise, { propagation: 'new' }), {
        name,
        scope: { traceId },
      });
    const held = [hold('GET /one'), sessions.session(() => release.promise, { name: 'job' })];
    await until('three are held', () => (sessions.stats().used === 3 ? true : undefined));
    held.push(sessions.session(() => release.promise, { name: 'late' }));
    await until('one waits', () => (sessions.stats().waiting === 1 ? true : undefined));

    const holders = sessions.holders().map((one) => `${one.name} ${one.traceId ?? '-'}`);
    const waiters = sessions.waiters().map(({ name }) => name);

    release.resolve();
    await Promise.all(held);
    expect(holders.toSorted()).toEqual([`GET /one ${traceId}`, `GET /one ${traceId}`, 'job -']);
    expect(waiters).toEqual(['late']);
  });

  it('obeys: evicted connections are replaced', async () => {
    const pid = () => sessions.session((db) => db.execute('select pg_backend_pid() as pid'));
    const before = await pid();

    sessions.evict();

    expect(await pid()).not.toEqual(before);
    expect(sessions.connectGate.mayTry).toBe(true);
  });
});
