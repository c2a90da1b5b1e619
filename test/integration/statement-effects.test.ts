import { raw } from '@mikro-orm/postgresql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { mayChangeSession } from '#database/pool/statement-effects.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { entities } from '#entities.ts';
import { MembershipEntity } from '#features/teams/membership.entity.ts';
import { TeamEntity } from '#features/teams/team.entity.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { withClient } from '#test/support/databases.ts';
import {
  CHANGING_STATEMENTS,
  HARMLESS_STATEMENTS,
  SESSION_SET_UP,
  STATEMENT_SCHEMA,
} from '#test/support/session-statements.ts';
import { TestDatabase } from '#test/support/test-database.ts';

/** All that a server session can show of what was done in it. */
const SESSION_STATE = `select json_build_object(
  'settings', (select json_object_agg(name, setting) from pg_settings where name not like 'transaction%'),
  'tenants', json_build_array(current_setting('shop.tenant', true), current_setting('local.tenant', true)),
  'users', json_build_array(current_user, session_user),
  'locks', (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
  'prepared', (select json_agg(name) from pg_prepared_statements),
  'cursors', (select json_agg(name) from pg_cursors where is_holdable),
  'channels', (select json_agg(channel) from pg_listening_channels() as channel),
  'temporary', (select json_agg(relname) from pg_class where relpersistence = 't')) as state`;

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
  await database.query(STATEMENT_SCHEMA);
});

afterAll(async () => {
  await database.drop();
});

const stateOf = async (client: pg.Client) => {
  const { rows } = await client.query<{ state: object }>(SESSION_STATE);
  return rows[0]?.state;
};

describe('a statement that needs no reset', () => {
  it('F14: leaves the server session as it was', async () => {
    const [before, after] = await withClient(database.address, async (client) => {
      // A setting that a transaction had for itself is empty afterwards, no longer missing.
      await client.query(`begin; set local shop.tenant = 'x'; rollback`);
      const first = await stateOf(client);
      for (const text of HARMLESS_STATEMENTS) {
        await client.query('begin');
        await client.query(text);
        await client.query('commit');
      }
      return [first, await stateOf(client)];
    });

    expect(after).toEqual(before);
  });

  it('is every one that the ORM writes for the entities of this project', async () => {
    const query = vi.spyOn(pg.Client.prototype, 'query');
    const sessions = new DatabaseSessionManager();
    await sessions.init(database.options({ entities }));

    await useEntities(sessions);

    await sessions.close();
    const sent = query.mock.calls.map(([first]: readonly unknown[]) => textOf(first));
    query.mockRestore();
    const own = sent.filter((text) => !text.startsWith('select set_config'));
    expect(own.length).toBeGreaterThan(20);
    expect(own.filter(mayChangeSession)).toEqual([]);
  });

  it('F14: calls nothing of PostgreSQL that is declared volatile, but for a few that end with the transaction', async () => {
    const volatile = await database.query<{ name: string }>(
      `select distinct proname as name from pg_proc
       where pronamespace = 'pg_catalog'::regnamespace and provolatile = 'v' order by 1`,
    );

    const free = volatile.map(({ name }) => name).filter((name) => isFree(`"${name}"`));

    expect([
      'clock_timestamp',
      'gen_random_uuid',
      'pg_advisory_xact_lock',
      'pg_advisory_xact_lock_shared',
      'pg_current_wal_insert_lsn',
      'pg_is_in_recovery',
      'pg_last_wal_replay_lsn',
      'pg_notify',
      'pg_sleep',
      'pg_try_advisory_xact_lock',
      'pg_try_advisory_xact_lock_shared',
      'pg_xact_status',
      'random',
      'timeofday',
      'uuidv4',
      'uuidv7',
    ]).toEqual(expect.arrayContaining(free));
    expect(volatile.length).toBeGreaterThan(100);
  });

  it("F14: has no word before a parenthesis that could be the name of somebody's function", async () => {
    const words = await database.query<{ word: string }>(
      `select word from pg_get_keywords() where catcode in ('U', 'T')
       and word not in (select proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace)`,
    );

    expect(words.map(({ word }) => word).filter(isFree)).toEqual([]);
  });
});

describe('F14: a statement that needs a reset', () => {
  it.each(CHANGING_STATEMENTS)('is one that the server takes: %s', async (text) => {
    const error = await withClient(database.address, async (client) => {
      await client.query('drop table if exists x');
      await client.query(SESSION_SET_UP);
      return await client.query(text).then(
        () => undefined,
        (reason: unknown) => reason,
      );
    });

    expect(error).toBeUndefined();
  });
});

const isFree = (name: string) => !mayChangeSession(`select ${name}(1)`);

function textOf(query: unknown): string {
  return typeof query === 'object' && query !== null
    ? String(Reflect.get(query, 'text') ?? '')
    : String(query);
}

/** What a service does with its entities. */
async function useEntities(sessions: DatabaseSessionManager): Promise<void> {
  await sessions.session(async (db) => {
    const users = [1, 2, 3].map((n) =>
      db.create(UserEntity, { email: `effects-${n}@example.org`, name: 'Ada' }),
    );
    const team = db.create(TeamEntity, { name: 'Effects' });
    users.map((user) => db.create(MembershipEntity, { team, user, role: 'owner' }));
    await db.flush();
    users.forEach((user, n) => (user.name = `Grace ${n}`));
    await db.flush();
    await db.transactional(async (inner) => {
      await inner.find(UserEntity, { email: { $like: '%example%' } }, { orderBy: { id: 'asc' } });
    });
    await db.nativeUpdate(TeamEntity, { id: team.id }, { name: 'Changed' });
  });
  await sessions.session(
    async (db) => {
      const [team] = await db.find(TeamEntity, {}, { limit: 2, offset: 0 });
      await db.findAndCount(UserEntity, { name: { $ne: null } }, { limit: 1 });
      await db.find(
        MembershipEntity,
        { team: { name: 'Changed' } },
        { populate: ['user', 'team'] },
      );
      await db.find(MembershipEntity, {}, { populate: ['user'], strategy: 'select-in' });
      await db.count(MembershipEntity, { team: team?.id ?? '' });
      await db.find(UserEntity, { [raw('lower("email" collate "C")')]: 'effects-1@example.org' });
      await db
        .createQueryBuilder(UserEntity, 'u')
        .select(['u.name', raw('count(*) as many')])
        .where({ id: { $in: db.createQueryBuilder(MembershipEntity, 'm').select('m.user') } })
        .groupBy('u.name')
        .having('count(*) > ?', [0])
        .execute();
    },
    { readOnly: true },
  );
  await sessions.session(async (db) => {
    await db.upsert(UserEntity, {
      id: '01890000-0000-7000-8000-000000000001',
      email: 'effects-4@example.org',
      name: 'Ada',
      version: 1,
      createdAt: new Date(),
      updatedAt: new Date(),
    });
    await db.nativeDelete(MembershipEntity, { role: 'owner' });
    const [user] = await db.find(UserEntity, {}, { limit: 1, lockMode: 4 });
    await db.remove(user ?? []).flush();
  });
  await sessions
    .session(async (db) => {
      await db.execute('select 1 / 0');
    })
    .catch(() => undefined);
}
