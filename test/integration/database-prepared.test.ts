import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseOptions } from '#database/database-options.ts';
import { PREPARED_PER_CONNECTION } from '#database/pool/statement-names.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { TestDatabase } from '#test/support/test-database.ts';

let database: TestDatabase;
let sessions: DatabaseSessionManager;

beforeAll(async () => {
  database = await TestDatabase.create();
});

beforeEach(async () => {
  sessions = await managerOf();
});

afterEach(async () => {
  await assertClean(sessions);
  await sessions.close();
});

afterAll(async () => {
  await database.drop();
});

/** One connection, so that every session has the same. */
async function managerOf(
  overrides: Partial<DatabaseOptions> = {},
): Promise<DatabaseSessionManager> {
  const manager = new DatabaseSessionManager();
  await manager.init(database.options({ entities, poolSize: 1, maxOverflow: 0, ...overrides }));
  return manager;
}

const run = (text: string, values: readonly unknown[] = []) =>
  sessions.session((db) => db.execute<Record<string, unknown>[]>(text, [...values]), {
    readOnly: true,
  });
const prepared = async (manager = sessions) =>
  (
    await manager.session(
      (db) =>
        db.execute<{ statement: string }[]>(
          'select statement from pg_prepared_statements order by prepare_time',
        ),
      { readOnly: true },
    )
  ).map(({ statement }) => statement);
const pid = async () => (await run('select pg_backend_pid() as pid'))[0]?.['pid'];

describe('a statement with values', () => {
  it('is prepared from its second use on', async () => {
    await run('select ? :: int as n', [1]);
    expect(await prepared()).toEqual([]);

    expect(await run('select ? :: int as n', [2])).toEqual([{ n: 2 }]);
    expect(await prepared()).toEqual(['select $1 :: int as n']);

    expect(await run('select ? :: int as n', [3])).toEqual([{ n: 3 }]);
    expect(await prepared()).toEqual(['select $1 :: int as n']);
  });

  it('is prepared once for the ORM, too', async () => {
    for (let round = 0; round < 5; round += 1) {
      await sessions.session((db) => db.find(UserEntity, { email: `${round}@example.org` }), {
        readOnly: true,
      });
    }

    expect(await prepared()).toEqual([expect.stringContaining('"email" = $1')]);
  });

  it('is never prepared when it comes but once', async () => {
    for (let index = 0; index < 50; index += 1) {
      await run(`select ? :: int as n${index}`, [index]);
    }

    expect(await prepared()).toEqual([]);
  });

  it('is never prepared when it is a long list', async () => {
    const ids = Array.from({ length: 2000 }, (_unused, index) => index);
    const statement = 'select count(*)::int as n from generate_series(0, 10) as n where n in (?)';

    for (let round = 0; round < 3; round += 1) {
      expect(await run(statement, [ids])).toEqual([{ n: 11 }]);
    }

    expect(await prepared()).toEqual([]);
  });

  it('is not prepared by name without values', async () => {
    await run('select 1 as n');
    await run('select 1 as n');

    expect(await prepared()).toEqual([]);
  });

  it('is not prepared beyond the bound of a connection, and works all the same', async () => {
    const texts = Array.from(
      { length: PREPARED_PER_CONNECTION + 20 },
      (_unused, index) => `select ? :: int as n${index}`,
    );
    await sessions.session(
      async (db) => {
        for (const text of [...texts, ...texts, ...texts]) {
          await db.execute(text, [1]);
        }
      },
      { readOnly: true },
    );

    expect(await prepared()).toHaveLength(PREPARED_PER_CONNECTION);
  });

  it('is never prepared behind a transaction pooler', async () => {
    await using pooled = await managerOf({ pooler: 'pgbouncer' });

    for (let round = 0; round < 5; round += 1) {
      await pooled.session((db) => db.execute('select ? :: int as n', [round]), { readOnly: true });
    }

    expect(await prepared(pooled)).toEqual([]);
  });
});

describe('a prepared statement', () => {
  const selectAll = 'select * from changing where n = ?';

  beforeEach(async () => {
    await database.query('drop table if exists changing');
    await database.query('create table changing (n int)');
    await database.query('insert into changing values (1)');
    for (let round = 0; round < 3; round += 1) {
      await run(selectAll, [1]);
    }
  });

  it('F61: whose plan no longer fits the schema is repeated outside of a transaction, and nobody notices', async () => {
    await database.query(`alter table changing add column text text default 'new'`);

    expect(await run(selectAll, [1])).toEqual([{ n: 1, text: 'new' }]);
    expect(await run(selectAll, [1])).toEqual([{ n: 1, text: 'new' }]);
  });

  it('F61: whose plan no longer fits the schema fails with a typed error inside of one, and the connection is replaced', async () => {
    const before = await pid();
    expect(await prepared()).toContainEqual(expect.stringContaining('from changing'));
    await database.query('alter table changing add column text text');

    await expect(sessions.session((db) => db.execute(selectAll, [1]))).rejects.toMatchObject({
      code: 'DB_UNAVAILABLE',
      details: { sqlState: '0A000' },
    });

    expect(await pid()).not.toBe(before);
    expect(await sessions.session((db) => db.execute(selectAll, [1]))).toEqual([
      { n: 1, text: null },
    ]);
  });

  it('F61: is prepared anew on the same connection after deallocate all', async () => {
    const before = await pid();
    await run('deallocate all');

    for (let round = 0; round < 3; round += 1) {
      expect(await run(selectAll, [1])).toEqual([{ n: 1 }]);
    }

    expect(await pid()).toBe(before);
    expect(await prepared()).toContainEqual(expect.stringContaining('from changing'));
  });

  it.each(['discard all', 'reset all'])(
    'F61: works after %s, on a connection that has kept its settings: a read-only session stays one',
    async (statement) => {
      const before = await pid();
      await run(statement);

      expect(await run(selectAll, [1])).toEqual([{ n: 1 }]);
      expect(await pid()).toBe(before);
      await expect(run('insert into changing values (2)')).rejects.toMatchObject({
        code: 'DB_SESSION_READ_ONLY',
      });
    },
  );

  it('F61: is prepared anew inside the transaction that has dropped it', async () => {
    const rows = await sessions.session(async (db) => {
      await db.execute('deallocate all');
      return await db.execute(selectAll, [1]);
    });

    expect(rows).toEqual([{ n: 1 }]);
  });

  it('F61: is prepared anew after one text of several statements has dropped it', async () => {
    await run('select 1; deallocate all; select 2');

    expect(await run(selectAll, [1])).toEqual([{ n: 1 }]);
  });

  it.each(['deallocate mine', 'discard plans', 'discard temp'])(
    'F61: works on in the transaction after %s, which drops less than all',
    async (statement) => {
      const rows = await sessions.session(async (db) => {
        await db.execute('prepare mine as select 1');
        await db.execute(statement);
        return await db.execute(selectAll, [1]);
      });

      expect(rows).toEqual([{ n: 1 }]);
    },
  );

  it('F61: that a function has dropped is repeated outside of a transaction', async () => {
    await run(`do $$ begin execute 'deallocate all'; end $$`);

    expect(await run(selectAll, [1])).toEqual([{ n: 1 }]);
  });

  it('F61: that a function has dropped fails with a typed error inside of one', async () => {
    const work = sessions.session(async (db) => {
      await db.execute(`do $$ begin execute 'deallocate all'; end $$`);
      await db.execute(selectAll, [1]);
    });

    await expect(work).rejects.toMatchObject({
      code: 'DB_UNAVAILABLE',
      details: { sqlState: '26000' },
    });
    expect(await run(selectAll, [1])).toEqual([{ n: 1 }]);
  });
});
