import type { EntityManager } from '@mikro-orm/postgresql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseOptions } from '#database/database-options.ts';
import { DatabaseSessionManager, getDb } from '#database/session-manager.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { TestDatabase } from '#test/support/test-database.ts';

let database: TestDatabase;
let sessions: DatabaseSessionManager;

beforeAll(async () => {
  database = await TestDatabase.create();
  sessions = await managerOf({ entities });
});

beforeEach(async () => {
  await database.query('truncate users cascade');
});

afterEach(async () => {
  await assertClean(sessions);
});

afterAll(async () => {
  await sessions.close();
  await database.drop();
});

async function managerOf(overrides: Partial<DatabaseOptions>): Promise<DatabaseSessionManager> {
  const manager = new DatabaseSessionManager();
  await manager.init(database.options(overrides));
  return manager;
}

const sessionsOf = async (tested: TestDatabase) => {
  const [row] = await tested.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity
     where datname = current_database() and application_name like 'tidegauge/%'`,
  );
  return row?.n;
};

const addUser = (email: string) => getDb().create(UserEntity, { email, name: 'Ada' });
const emails = async () =>
  (await database.query<{ email: string }>('select email from users order by email')).map(
    ({ email }) => email,
  );

describe('a session that may write', () => {
  it('commits when its work succeeds', async () => {
    await sessions.session(async () => {
      addUser('a@example.org');
    });

    expect(await emails()).toEqual(['a@example.org']);
  });

  it('leaves nothing behind when its work throws after two writes', async () => {
    const work = sessions.session(async (db) => {
      addUser('a@example.org');
      await db.flush();
      addUser('b@example.org');
      await db.flush();
      throw new Error('after two flushes');
    });

    await expect(work).rejects.toThrow('after two flushes');
    expect(await emails()).toEqual([]);
  });

  it('takes a raw statement into the same transaction', async () => {
    const work = sessions.session(async (db) => {
      addUser('a@example.org');
      await db.flush();
      await db.execute(
        `insert into users (id, email, name, version, created_at, updated_at)
         values (gen_random_uuid(), ?, 'Raw', 1, now(), now())`,
        ['raw@example.org'],
      );
      throw new Error('after a raw write');
    });

    await expect(work).rejects.toThrow('after a raw write');
    expect(await emails()).toEqual([]);
  });

  it('sees its own uncommitted rows in raw statements and in queries of kysely', async () => {
    const seen = await sessions.session(async (db) => {
      addUser('a@example.org');
      await db.flush();
      const raw = await db.execute('select email from users');
      const built = await db
        .getKysely<{ users: { email: string } }>()
        .selectFrom('users')
        .select('email')
        .execute();
      return { raw, built };
    });

    expect(seen).toEqual({
      raw: [{ email: 'a@example.org' }],
      built: [{ email: 'a@example.org' }],
    });
  });

  it('fails when the commit fails, and names the constraint', async () => {
    await database.query(`
      create table if not exists deferred_children
        (parent uuid constraint child_has_parent references users (id) deferrable initially deferred)`);

    const work = sessions.session((db) =>
      db.execute('insert into deferred_children values (gen_random_uuid())'),
    );

    await expect(work).rejects.toMatchObject({
      code: 'DB_FOREIGN_KEY',
      details: { sqlState: '23503', constraint: 'child_has_parent' },
    });
    expect(await database.query('select * from deferred_children')).toEqual([]);
  });

  it('is not reported as committed when a swallowed error had aborted its transaction', async () => {
    const work = sessions.session(async (db) => {
      addUser('a@example.org');
      await db.flush();
      await db.execute('select 1 / 0').catch(() => undefined);
    });

    await expect(work).rejects.toMatchObject({ code: 'DB_QUERY_FAILED' });
    expect(await emails()).toEqual([]);
  });

  it('rolls back when its signal was aborted before the commit', async () => {
    const abort = new AbortController();

    const work = sessions.session(
      async (db) => {
        addUser('a@example.org');
        await db.flush();
        abort.abort(new Error('the client has gone'));
      },
      { signal: abort.signal },
    );

    await expect(work).rejects.toThrow('the client has gone');
    expect(await emails()).toEqual([]);
  });

  it('runs at the isolation level it asks for', async () => {
    const level = await sessions.session(
      (db) => db.execute('select current_setting(?) as level', ['transaction_isolation']),
      { isolationLevel: 'serializable' },
    );

    expect(level).toEqual([{ level: 'serializable' }]);
  });
});

describe('a read-only session', () => {
  it('reads', async () => {
    await sessions.session(async () => {
      addUser('a@example.org');
    });

    const found = await sessions.session((db) => db.find(UserEntity, {}), { readOnly: true });

    expect(found.map(({ email }) => email)).toEqual(['a@example.org']);
  });

  it('fails instead of dropping what was persisted without a flush', async () => {
    const work = sessions.session(
      async (db) => {
        db.persist(addUser('a@example.org'));
      },
      { readOnly: true },
    );

    await expect(work).rejects.toMatchObject({ code: 'DB_SESSION_READ_ONLY' });
    expect(await emails()).toEqual([]);
  });

  it.each([
    [
      'a flush',
      async () => {
        addUser('a@example.org');
        await getDb().flush();
      },
    ],
    [
      'a raw statement',
      async () => {
        await getDb().execute('delete from users');
      },
    ],
    [
      'a native insert',
      async () => {
        await getDb().nativeDelete(UserEntity, { email: 'x' });
      },
    ],
    [
      'a transaction of its own',
      async () => {
        await getDb().transactional((db) => db.nativeDelete(UserEntity, { email: 'x' }));
      },
    ],
    [
      'a fork',
      async () => {
        await getDb().fork().nativeDelete(UserEntity, { email: 'x' });
      },
    ],
    [
      'a query of kysely',
      async () => {
        await getDb().getKysely<{ users: { email: string } }>().deleteFrom('users').execute();
      },
    ],
  ])('refuses to write by %s', async (_way, work) => {
    await expect(sessions.session(work, { readOnly: true })).rejects.toMatchObject({
      code: 'DB_SESSION_READ_ONLY',
    });
  });

  it('sees one moment in all its statements when it asks for a snapshot', async () => {
    const counts = await sessions.session(
      async (db) => {
        const before = await db.count(UserEntity);
        await database.query(
          `insert into users (id, email, name, version, created_at, updated_at)
           values (gen_random_uuid(), 'x@example.org', 'X', 1, now(), now())`,
        );
        return [before, await db.count(UserEntity)];
      },
      { snapshot: true },
    );

    expect(counts).toEqual([0, 0]);
  });
});

describe('a transaction inside a session', () => {
  it('is a savepoint: its failure takes back only what it did', async () => {
    await sessions.session(async () => {
      addUser('kept@example.org');
      await getDb().flush();
      await sessions
        .transaction(async () => {
          addUser('gone@example.org');
          await getDb().flush();
          throw new Error('inner');
        })
        .catch(() => undefined);
    });

    expect(await emails()).toEqual(['kept@example.org']);
  });

  it('vanishes with the session around it', async () => {
    const work = sessions.session(async () => {
      await sessions.transaction(async () => {
        addUser('a@example.org');
      });
      throw new Error('outer');
    });

    await expect(work).rejects.toThrow('outer');
    expect(await emails()).toEqual([]);
  });

  it('with propagation new outlives the session around it', async () => {
    const work = sessions.session(async () => {
      await sessions.transaction(
        async () => {
          addUser('audit@example.org');
        },
        { propagation: 'new' },
      );
      throw new Error('outer');
    });

    await expect(work).rejects.toThrow('outer');
    expect(await emails()).toEqual(['audit@example.org']);
  });

  it('that is read-only refuses to write, and the session can go on writing', async () => {
    await sessions.session(async () => {
      await expect(
        sessions.transaction((db) => db.execute('delete from users'), { readOnly: true }),
      ).rejects.toMatchObject({ code: 'DB_READ_ONLY' });
      addUser('a@example.org');
    });

    expect(await emails()).toEqual(['a@example.org']);
  });

  it('cannot choose an isolation level', async () => {
    const work = sessions.session(() =>
      sessions.transaction(() => Promise.resolve(), { isolationLevel: 'serializable' }),
    );

    await expect(work).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('outside of a session is one of its own: the third step fails, none of the three exists', async () => {
    const work = sessions.transaction(async (db) => {
      addUser('one@example.org');
      await db.flush();
      addUser('two@example.org');
      await db.flush();
      addUser('ONE@example.org');
      await db.flush();
    });

    await expect(work).rejects.toMatchObject({ code: 'DB_UNIQUE' });
    expect(await emails()).toEqual([]);
  });
});

describe('outside of its life', () => {
  it('getDb throws where there is no session', () => {
    expect(() => getDb()).toThrow(expect.objectContaining({ code: 'DB_SESSION_MISSING' }));
  });

  it('an entity manager that was kept throws after its session has ended', async () => {
    const kept = await sessions.session((db) => Promise.resolve(db));

    await expect(kept.find(UserEntity, {})).rejects.toMatchObject({ code: 'DB_SESSION_ENDED' });
    expect(() => kept.persist({})).toThrow(expect.objectContaining({ code: 'DB_SESSION_ENDED' }));
    await sessions.session(async () => {
      await expect(kept.find(UserEntity, {})).rejects.toMatchObject({ code: 'DB_SESSION_ENDED' });
    });
  });

  it('a manager that was not initialised says what to call', async () => {
    const manager = new DatabaseSessionManager();

    await expect(manager.session(() => Promise.resolve())).rejects.toMatchObject({
      code: 'DB_NOT_INITIALIZED',
      message: expect.stringContaining('init'),
    });
    expect(() => manager.stats()).toThrow(expect.objectContaining({ code: 'DB_NOT_INITIALIZED' }));
  });

  it('a closed manager refuses everything', async () => {
    const manager = await managerOf({});
    await manager.close();

    await expect(manager.session(() => Promise.resolve())).rejects.toMatchObject({
      code: 'DB_CLOSED',
    });
    await expect(manager.init(database.url)).rejects.toMatchObject({ code: 'DB_CLOSED' });
  });

  it('a manager that is closed while it begins leaves no connection behind', async () => {
    await using own = await TestDatabase.create({ empty: true });
    const manager = new DatabaseSessionManager();
    const beginning = manager.init(own.options());

    await manager.close();
    await beginning;

    expect(await sessionsOf(own)).toBe(0);
  });

  it('a manager is initialised once, however soon it is asked again', async () => {
    const manager = new DatabaseSessionManager();
    const beginning = manager.init(database.url);

    await expect(manager.init(database.url)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });

    await beginning;
    await manager.close();
  });

  it('a manager whose settings were refused can be given others', async () => {
    await using manager = new DatabaseSessionManager();
    await expect(manager.init(database.options({ connection: undefined }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });

    await manager.init(database.url);

    expect(manager.isOpen).toBe(true);
  });

  it('a URL is enough for raw statements', async () => {
    await using manager = new DatabaseSessionManager();
    await manager.init(database.url);

    expect(await manager.session((db) => db.execute('select ? :: int as n', [7]))).toEqual([
      { n: 7 },
    ]);
  });

  it('two managers in one process do not find each other’s sessions', async () => {
    await using other = await managerOf({ entities });

    await sessions.session(async (outer) => {
      addUser('a@example.org');
      await outer.flush();
      const seen = await other.session((inner) => inner.count(UserEntity), { readOnly: true });
      expect(seen).toBe(0);
      expect(getDb()).toBe(outer);
      expect(await outer.count(UserEntity)).toBe(1);
    });
  });
});

it('a hundred and fifty sessions at once never see each other', async () => {
  const seen = await Promise.all(
    Array.from({ length: 150 }, (_unused, index) =>
      sessions.session(async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
        const [row] = await getDb().execute('select ? :: int as n', [index]);
        return row;
      }),
    ),
  );

  expect(seen).toEqual(seen.map((_row, index) => ({ n: index })));
});

describe('what a session leaves open, or tries to take for itself', () => {
  const addMany = () =>
    sessions.session(async () => {
      for (const name of ['a', 'b', 'c']) addUser(`${name}@example.org`);
    });

  it('a nested transaction that fails takes nothing of its neighbour with it', async () => {
    const outcomes = await sessions.session(() =>
      Promise.allSettled([
        sessions.transaction(async (db) => {
          await db.execute('select pg_sleep(0.1)');
          throw new Error('the first');
        }),
        sessions.transaction(async (db) => {
          addUser('second@example.org');
          await db.flush();
        }),
      ]),
    );

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(await emails()).toEqual(['second@example.org']);
  });

  it('a statement while a stream of the transaction is read fails at once instead of waiting for ever', async () => {
    await addMany();

    const work = sessions.session(async (db) => {
      for await (const { email } of db.stream(UserEntity)) {
        await db.execute('select ?::text', [email]);
      }
    });

    await expect(work).rejects.toMatchObject({ code: 'DB_QUERY_FAILED' });
  });

  it.each([{}, { readOnly: true }])(
    'a stream that is abandoned is given up with the session: %o',
    async (options) => {
      await addMany();

      const first = await sessions.session(async (db) => {
        const { value } = await db.stream(UserEntity)[Symbol.asyncIterator]().next();
        return value?.name;
      }, options);

      expect(first).toBe('Ada');
    },
  );

  it('a transaction that a read-only session began and left open is rolled back and told', async () => {
    const work = sessions.session((db) => db.begin({ readOnly: true }), { readOnly: true });

    await expect(work).rejects.toMatchObject({ code: 'DB_QUERY_FAILED' });
  });

  it('a transaction that says it writes is refused in a read-only session', async () => {
    const work = sessions.session(
      (db) => db.transactional((inner) => inner.execute('delete from users'), { readOnly: false }),
      { readOnly: true },
    );

    await expect(work).rejects.toMatchObject({ code: 'DB_SESSION_READ_ONLY' });
  });

  it.each(['commit', 'rollback', 'begin', ' END', 'abort', 'start transaction'])(
    'a raw %s is refused, and the session stays whole',
    async (statement) => {
      const work = sessions.session(async (db) => {
        addUser('a@example.org');
        await db.flush();
        await db.execute(statement);
      });

      await expect(work).rejects.toMatchObject({ code: 'DB_QUERY_FAILED' });
      expect(await emails()).toEqual([]);
    },
  );

  it.each(['/* at last */ rollback', 'select 1; rollback'])(
    'F37: a transaction that %s has ended is not reported as committed',
    async (statement) => {
      const work = sessions.session(async (db) => {
        addUser('a@example.org');
        await db.flush();
        await db.execute(statement);
      });

      await expect(work).rejects.toMatchObject({
        code: 'DB_QUERY_FAILED',
        message: expect.stringContaining('commit without a transaction'),
      });
      expect(await emails()).toEqual([]);
    },
  );

  it.each([
    ['begin', (db: EntityManager) => db.begin()],
    ['begin of a fork', (db: EntityManager) => db.fork().begin()],
    ['commit', (db: EntityManager) => db.commit()],
    ['rollback', (db: EntityManager) => db.rollback()],
  ])('a %s of its EntityManager is refused, and the session stays whole', async (_what, take) => {
    const work = sessions.session(async (db) => {
      addUser('a@example.org');
      await db.flush();
      await expect(take(db)).rejects.toMatchObject({ code: 'DB_QUERY_FAILED' });
      expect(sessions.stats().used).toBe(1);
      throw new Error('after all');
    });

    await expect(work).rejects.toThrow('after all');
    expect(await emails()).toEqual([]);
  });

  it.each([
    'set default_transaction_read_only = off',
    "select set_config('default_transaction_read_only', 'off', false)",
  ])('a setting of the connection goes with it: %s', async (statement) => {
    await sessions.session((db) => db.execute(statement), { readOnly: true });

    const write = sessions.session((db) => db.execute('delete from users'), { readOnly: true });

    await expect(write).rejects.toMatchObject({ code: 'DB_SESSION_READ_ONLY' });
  });
});
