import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RetryBudget } from '#database/retry-budget.ts';
import { DatabaseSessionManager, getDb } from '#database/session-manager.ts';
import type { SessionOptions } from '#database/session-options.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { errorCode } from '#test/support/error-code.ts';
import { TestDatabase } from '#test/support/test-database.ts';

let database: TestDatabase;
let sessions: DatabaseSessionManager;
let heard: string[];

beforeAll(async () => {
  database = await TestDatabase.create();
  await database.query(`
    create table accounts (name text primary key, amount int not null);
    create function conflict() returns void language plpgsql as
      $$ begin raise exception using errcode = '40001'; end $$`);
});

beforeEach(async () => {
  await database.query(
    `truncate accounts, users cascade; insert into accounts values ('a', 0), ('b', 0)`,
  );
  sessions = await sessionsWith(new RetryBudget(Infinity));
});

afterEach(async () => {
  await assertClean(sessions);
  await sessions.close();
});

afterAll(async () => {
  await database.drop();
});

async function sessionsWith(retryBudget: RetryBudget): Promise<DatabaseSessionManager> {
  heard = [];
  const manager = new DatabaseSessionManager({ retryBudget });
  await manager.init(
    database.options({
      entities,
      acquireTimeoutMs: 20_000,
      observer: { sessionRetried: ({ outcome }) => void heard.push(outcome) },
    }),
  );
  return manager;
}

const count = (outcome: string) => heard.filter((one) => one === outcome).length;
const serializable: SessionOptions = { isolationLevel: 'serializable' };

/** Adds to both accounts what it has read of both, which only works alone. */
const transfer = (by: number, options: SessionOptions) =>
  sessions.session(async (db) => {
    const rows = await db.execute<{ name: string; amount: number }[]>('select * from accounts');
    for (const { name, amount } of rows) {
      const change = name === 'a' ? by : -by;
      await db.execute('update accounts set amount = ? where name = ?', [amount + change, name]);
    }
  }, options);

interface HotRun {
  readonly committed: number;
  /** What the committed ones have moved together. */
  readonly moved: number;
  readonly codes: readonly string[];
}

/** Workers that all want the same two rows. */
async function hotRows(
  options: SessionOptions,
  { workers = 50, transfers = 6 } = {},
): Promise<HotRun> {
  const codes: string[] = [];
  let committed = 0;
  let moved = 0;
  const worker = async (_unused: unknown, index: number) => {
    for (let round = 0; round < transfers; round += 1) {
      const by = index * transfers + round + 1;
      await transfer(by, options).then(
        () => {
          committed += 1;
          moved += by;
        },
        (error: unknown) => void codes.push(errorCode(error)),
      );
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return { committed, moved, codes };
}

const amounts = () =>
  database.query<{ a: number; b: number }>(
    `select sum(amount) filter (where name = 'a')::int as a,
       sum(amount) filter (where name = 'b')::int as b from accounts`,
  );

describe('sessions that conflict', { timeout: 120_000 }, () => {
  it('F34: 50 workers on 2 hot rows, serializable and repeatable: each commits or is told of the conflict, and the sum is exact', async () => {
    const run = await hotRows({ ...serializable, repeatable: true });

    console.log(
      `committed ${run.committed} of 300, repeated ${count('retried')}, given up ${count('given_up')}`,
    );
    expect(run.committed + run.codes.length).toBe(300);
    expect(run.codes.filter((code) => !/^DB_(SERIALIZATION|DEADLOCK) /.test(code))).toEqual([]);
    expect(await amounts()).toEqual([{ a: run.moved, b: -run.moved }]);
    expect(count('given_up')).toBe(run.codes.length);
    expect(count('succeeded')).toBeGreaterThan(0);
    expect(count('retried')).toBeLessThanOrEqual(2 * 300);
  });

  it('F34: would commit less of it unrepeated', async () => {
    const unrepeated = await hotRows(serializable);
    expect(heard).toEqual([]);
    const repeated = await hotRows({ ...serializable, repeatable: true });

    expect(unrepeated.committed).toBeLessThan(repeated.committed);
  });

  it('F34: would lose money below serializable', async () => {
    const { moved } = await hotRows({ isolationLevel: 'read committed' });

    expect(await amounts()).not.toEqual([{ a: moved, b: -moved }]);
  });
});

/** Resolves for each of `parties` callers when all have called. */
function meeting(parties: number): () => Promise<void> {
  const everybody = Promise.withResolvers<void>();
  let arrived = 0;
  return async () => {
    arrived += 1;
    if (arrived >= parties) {
      everybody.resolve();
    }
    await everybody.promise;
  };
}

describe('a session that may be repeated', () => {
  const repeatable: SessionOptions = { repeatable: true };

  it('F34: is, when its conflict shows at COMMIT only', async () => {
    const meet = meeting(2);
    const writeSkew = (name: string) =>
      sessions.session(
        async (db) => {
          await db.execute('select sum(amount) from accounts');
          await meet();
          await db.execute('update accounts set amount = amount + 1 where name = ?', [name]);
        },
        { ...serializable, ...repeatable },
      );

    await Promise.all([writeSkew('a'), writeSkew('b')]);

    expect(heard).toEqual(['retried', 'succeeded']);
    expect(await amounts()).toEqual([{ a: 1, b: 1 }]);
  });

  it('F34: is, after a deadlock', async () => {
    const meet = meeting(2);
    const lock = (first: string, second: string) =>
      sessions.session(async (db) => {
        await db.execute('update accounts set amount = amount + 1 where name = ?', [first]);
        await meet();
        await db.execute('update accounts set amount = amount + 1 where name = ?', [second]);
      }, repeatable);

    await Promise.all([lock('a', 'b'), lock('b', 'a')]);

    expect(heard).toEqual(['retried', 'succeeded']);
    expect(await amounts()).toEqual([{ a: 2, b: 2 }]);
  });

  it('F34: starts over with an EntityManager of its own, and leaves nothing of the first attempt', async () => {
    const seen: unknown[] = [];

    await sessions.session(async (db) => {
      const email = `${seen.length}@example.org`;
      seen.push(db);
      getDb().create(UserEntity, { email, name: 'Ada' });
      await db.flush();
      await db.execute(seen.length === 1 ? 'select conflict()' : 'select 1');
    }, repeatable);

    expect(new Set(seen).size).toBe(2);
    expect(await database.query('select email from users')).toEqual([{ email: '1@example.org' }]);
  });

  it('F34: is repeated as a whole, never a savepoint of it alone', async () => {
    let outer = 0;
    let inner = 0;
    const work = async () => {
      outer += 1;
      await sessions.transaction(async (db) => {
        inner += 1;
        await db.execute('select conflict()');
      }, repeatable);
    };

    await expect(sessions.session(work)).rejects.toMatchObject({ code: 'DB_SERIALIZATION' });
    expect([outer, inner]).toEqual([1, 1]);
    await expect(sessions.session(work, repeatable)).rejects.toMatchObject({
      code: 'DB_SERIALIZATION',
    });
    expect([outer, inner]).toEqual([4, 4]);
  });

  it('F34: a transaction of its own is one, too', async () => {
    let attempts = 0;

    await sessions.transaction(async (db) => {
      attempts += 1;
      await db.execute(attempts === 1 ? 'select conflict()' : 'select 1');
    }, repeatable);

    expect(attempts).toBe(2);
  });

  it('F53: 300 sessions that all conflict, of two managers with one budget, are repeated at most 10 + 30 times', async () => {
    const budget = new RetryBudget();
    await using one = await sessionsWith(budget);
    const heardOfOne = heard;
    await using other = await sessionsWith(budget);
    const conflict = (manager: DatabaseSessionManager) =>
      manager.session((db) => db.execute('select conflict()'), repeatable).catch(errorCode);

    const codes = await Promise.all(
      Array.from({ length: 300 }, (_unused, index) => conflict(index % 2 === 0 ? one : other)),
    );

    heard.push(...heardOfOne);
    expect(new Set(codes)).toEqual(new Set(['DB_SERIALIZATION 40001']));
    expect(count('retried')).toBe(40);
    expect(count('budget') + count('given_up')).toBe(300);
  });
});
