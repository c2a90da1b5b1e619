import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { measureDatabase, takeSnapshot } from '#database/server/server-snapshot.ts';
import type { ServerSnapshot } from '#database/server/server-snapshot.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { until } from '#test/support/until.ts';

// A server of its own: nobody else is connected, so that its figures are known.
let own: EmbeddedServer;
const connections = new ServerConnections();

beforeAll(async () => {
  own = await startOwnServer({
    max_connections: '30',
    superuser_reserved_connections: '4',
    deadlock_timeout: '50ms',
    autovacuum: 'off',
  });
  await query(`create role plain login password 'plain'`);
  await query(`create role watcher login password 'watcher'`);
  await query('grant pg_monitor to watcher');
});
afterEach(async () => {
  await connections.closeAll();
});
afterAll(async () => {
  await own.stop();
});

/** Without a deadline: what is said is to be seen here, not how soon. */
const openTo = (address: TestServerAddress) =>
  connections.open(address, { clock: new FakeClock() });

async function query<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string): Promise<R[]> {
  return await withClient(own.connection, async (client) => (await client.query<R>(text)).rows);
}

const as = (role: string): TestServerAddress => ({ ...own.connection, user: role, password: role });

/** Takes snapshots until one is as it should be. */
async function snapshotWhere(
  what: string,
  isIt: (snapshot: ServerSnapshot) => boolean,
): Promise<ServerSnapshot> {
  const server = openTo(own.connection);
  return await until(what, async () => {
    const snapshot = await takeSnapshot(server);
    return isIt(snapshot) ? snapshot : undefined;
  });
}

const countOf = ({ sessions }: ServerSnapshot, state: string, waitEventType: string) =>
  sessions
    .filter((group) => group.state === state && group.waitEventType === waitEventType)
    .reduce((sum, { count }) => sum + count, 0);

const inAll = ({ sessions }: ServerSnapshot) => sessions.reduce((sum, { count }) => sum + count, 0);

const clientBackends = async () =>
  // The one that counts has gone when somebody else does.
  (
    await query<{ n: number }>(
      `select count(*)::int - 1 as n from pg_stat_activity where backend_type = 'client backend'`,
    )
  )[0]?.n;

/** What the server counts of its database, once every session has told it. */
const totals = async () =>
  (
    await query<Record<string, number>>(
      `select xact_commit::float8 as commits, xact_rollback::float8 as rollbacks, deadlocks::float8 as deadlocks,
        blks_hit::float8 as "blocksHit", blks_read::float8 as "blocksRead", temp_bytes::float8 as "tempBytes",
        conflicts::float8 as conflicts
      from pg_stat_database where datname = current_database()`,
    )
  )[0] ?? {};

describe('a snapshot of a server', () => {
  it('holds its settings, its version, and what its own views say', async () => {
    const [shown] = await query<{ version: string; reserved: string | null }>(
      `select current_setting('server_version') as version, current_setting('reserved_connections', true) as reserved`,
    );

    const snapshot = await snapshotWhere('nobody else is connected', (one) => inAll(one) === 1);

    expect(snapshot).toMatchObject({
      version: shown?.version,
      isInRecovery: false,
      replicationLagSeconds: 0,
      maxConnections: 30,
      reservedConnections: 4 + Number(shown?.reserved ?? 0),
      usedConnections: 1,
      blockedSessions: 0,
      oldestTransactionSeconds: 0,
      sessions: [{ state: 'active', waitEventType: 'none', count: 1 }],
    });
  });

  it('counts reserved connections where the server knows them, from 16 on', async () => {
    const [row] = await query<{ major: number }>(
      `select current_setting('server_version_num')::int / 10000 as major`,
    );
    const knows = (row?.major ?? 0) >= 16;
    await using reserving = await startOwnServer(
      knows ? { reserved_connections: '2' } : { superuser_reserved_connections: '5' },
    );
    const server = openTo(reserving.connection);

    const { reservedConnections } = await takeSnapshot(server);

    expect(reservedConnections).toBe(5);
  });

  it('has the size of its database', async () => {
    const [row] = await query<{ size: number }>(
      `select pg_database_size(current_database())::float8 as size`,
    );

    expect(await measureDatabase(openTo(own.connection))).toBe(row?.size);
  });

  it('counts a session that waits for a lock, one that idles in a transaction, and its age', async () => {
    await withClient(own.connection, async (holder) => {
      await withClient(own.connection, async (blocked) => {
        await holder.query('begin');
        await holder.query('select pg_advisory_xact_lock(1)');
        const waiting = blocked.query('select pg_advisory_lock(1)');

        const seen = await snapshotWhere('a blocked session', (one) => one.blockedSessions > 0);
        const [row] = await query<{ age: number }>(
          `select extract(epoch from clock_timestamp() - min(xact_start))::float8 as age
          from pg_stat_activity where pid <> pg_backend_pid()`,
        );
        await holder.query('rollback');
        await waiting;
        const after = await snapshotWhere('none', (one) => one.blockedSessions === 0);

        expect(seen.blockedSessions).toBe(1);
        expect(countOf(seen, 'active', 'Lock')).toBe(1);
        expect(countOf(seen, 'idle in transaction', 'Client')).toBe(1);
        expect(seen.usedConnections).toBe(inAll(seen));
        expect(seen.oldestTransactionSeconds).toBeGreaterThan(0);
        expect(seen.oldestTransactionSeconds).toBeLessThan(row?.age ?? 0);
        expect(countOf(after, 'idle in transaction', 'Client')).toBe(0);
        expect(after.oldestTransactionSeconds).toBe(0);
      });
    });
  });

  it('counts sessions and those that wait for locks as a query by hand does', async () => {
    await withClient(own.connection, async (holder) => {
      await withClient(own.connection, async (first) => {
        await withClient(own.connection, async (second) => {
          await holder.query('begin');
          await holder.query('select pg_advisory_xact_lock(7)');
          const waiting = [first, second].map((client) =>
            client.query('select pg_advisory_lock_shared(7)'),
          );

          const seen = await snapshotWhere('both wait', (one) => one.blockedSessions > 1);
          const byHand = await query<{ clients: number; blocked: number; waiting: number }>(
            `select (select count(*)::int from pg_stat_activity
                where backend_type = 'client backend' and pid <> pg_backend_pid()) as clients,
              (select count(*)::int from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0) as blocked,
              (select count(distinct pid)::int from pg_locks where not granted) as waiting`,
          );
          await holder.query('rollback');
          await Promise.all(waiting);

          expect(byHand).toEqual([
            { clients: seen.usedConnections, blocked: seen.blockedSessions, waiting: 2 },
          ]);
        });
      });
    });
  });

  it('counts a deadlock, and the transaction that it cost', async () => {
    const before = await totals();
    await withClient(own.connection, async (one) => {
      await withClient(own.connection, async (other) => {
        await one.query('begin');
        await one.query('select pg_advisory_xact_lock(1)');
        await other.query('begin');
        await other.query('select pg_advisory_xact_lock(2)');
        const lock = async (client: pg.Client, key: number) => {
          try {
            await client.query(`select pg_advisory_xact_lock(${key})`);
          } finally {
            await client.query('rollback');
          }
        };
        const locked = await Promise.allSettled([lock(one, 2), lock(other, 1)]);
        expect(locked.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      });
    });

    const { deadlocks, rollbacks } = await snapshotWhere(
      'the deadlock',
      (one) => one.deadlocks > (before['deadlocks'] ?? 0),
    );

    expect(deadlocks).toBe((before['deadlocks'] ?? 0) + 1);
    expect(rollbacks).toBeGreaterThan(before['rollbacks'] ?? 0);
  });

  it('counts each rollback', async () => {
    const before = await totals();
    await withClient(own.connection, async (client) => {
      for (let round = 0; round < 10; round += 1) {
        await client.query('begin');
        await client.query('select 1');
        await client.query('rollback');
      }
    });
    const rolledBack = (before['rollbacks'] ?? 0) + 10;

    const { rollbacks } = await snapshotWhere('them', (one) => one.rollbacks >= rolledBack);

    expect(rollbacks).toBe(rolledBack);
  });

  it('counts temporary files, and blocks found and read, as the server does', async () => {
    const before = await totals();
    await withClient(own.connection, async (client) => {
      await client.query(`set work_mem = '64kB'`);
      await client.query('select n from generate_series(1, 50000) as n order by -n');
    });

    const seen = await snapshotWhere(
      'the file',
      (one) => one.tempBytes > (before['tempBytes'] ?? 0),
    );
    const after = await totals();

    expect(seen.tempBytes).toBe(after['tempBytes']);
    for (const name of ['commits', 'blocksHit', 'blocksRead', 'conflicts'] as const) {
      expect(seen[name]).toBeGreaterThanOrEqual(before[name] ?? 0);
      expect(seen[name]).toBeLessThanOrEqual(after[name] ?? -1);
    }
    expect(seen.blocksHit).toBeGreaterThan(before['blocksHit'] ?? 0);
    expect(seen.commits).toBeGreaterThan(before['commits'] ?? 0);
  });
});

describe('a snapshot taken by a role without rights', () => {
  it('counts every session, and says of those of others no more than that they are there', async () => {
    await withClient(own.connection, async (other) => {
      await other.query('begin');
      await withClient(as('plain'), async (same) => {
        await same.query('begin');
        const server = openTo(as('plain'));
        await server.ask('select 1');
        const counted = await until('the others have gone', async () =>
          (await clientBackends()) === 3 ? 3 : undefined,
        );

        const seen = await takeSnapshot(server);

        expect(seen.usedConnections).toBe(counted);
        expect(inAll(seen)).toBe(3);
        expect(countOf(seen, 'idle in transaction', 'Client')).toBe(1);
        expect(seen.sessions).toContainEqual({
          state: undefined,
          waitEventType: undefined,
          count: 1,
        });
        expect(seen.maxConnections).toBe(30);
        expect(seen.commits).toBeGreaterThan(0);
        expect(await measureDatabase(server)).toBeGreaterThan(1_000_000);
      });
    });
  });

  it('says it of all sessions once the role has pg_monitor', async () => {
    await withClient(own.connection, async (other) => {
      await other.query('begin');

      const seen = await takeSnapshot(openTo(as('watcher')));

      expect(countOf(seen, 'idle in transaction', 'Client')).toBe(1);
      expect(seen.sessions.every(({ state }) => state !== undefined)).toBe(true);
    });
  });

  it('does not depend on what the search path of the role leads to', async () => {
    await query('create schema shadow');
    await query('grant usage on schema shadow to plain');
    await query(
      `create function shadow.pg_is_in_recovery() returns bool language sql as 'select true'`,
    );
    await query(`create view shadow.pg_stat_database as select current_database() as datname`);
    await query('alter role plain set search_path = shadow, pg_catalog');

    const naive = await withClient(
      as('plain'),
      async (client) =>
        (await client.query<{ is: boolean }>('select pg_is_in_recovery() as is')).rows[0]?.is,
    );
    const { isInRecovery, maxConnections } = await takeSnapshot(openTo(as('plain')));
    await query('alter role plain reset search_path');

    expect(naive).toBe(true);
    expect({ isInRecovery, maxConnections }).toEqual({ isInRecovery: false, maxConnections: 30 });
  });
});
