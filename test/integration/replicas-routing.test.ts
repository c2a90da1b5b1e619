import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import { sessionPoolOptions } from '#database/pool-options.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import { ConnectionPool } from '#database/pool/connection-pool.ts';
import { Replica } from '#database/replicas/replica.ts';
import { ReplicaMonitor } from '#database/replicas/replica-monitor.ts';
import type { DatabaseSessionManager } from '#database/session-manager.ts';
import { getDb } from '#database/session-manager.ts';
import type { SessionOptions } from '#database/session-options.ts';
import { ErrandProcess } from '#test/support/errand-process.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { replicaIs } from '#test/support/replica-is.ts';
import { connectionOf, ReplicaPair } from '#test/support/replica-pair.ts';
import { until } from '#test/support/until.ts';

let pair: ReplicaPair;

beforeAll(async () => {
  pair = await ReplicaPair.start({ max_standby_streaming_delay: '0' });
  await pair.write('create table notes (id int primary key, body text)');
});
afterEach(async () => {
  await pair.way.listen().catch(() => undefined);
  pair.way.letThrough();
  pair.way.leadTo(pair.standby.connection);
  pair.link.letThrough();
});
afterAll(async () => {
  await pair[Symbol.asyncDispose]();
});

const READ = { readOnly: true } as const;

/** Which server the current session asks. */
async function place(): Promise<'replica' | 'primary'> {
  const [row] = await getDb().execute<{ is: boolean }[]>('select pg_is_in_recovery() as is');
  return row?.is === true ? 'replica' : 'primary';
}

const placeOf = (sessions: DatabaseSessionManager, options: SessionOptions) =>
  sessions.session(place, options);

/** A monitor of the replica by itself. */
const monitored = () => ({
  connection: {
    connection: connectionOf(pair.replicaAddress),
    applicationName: 'tidegauge/monitored/probe',
    connectTimeoutMs: 5000,
    sessionSettings: {},
    isPooled: false,
    gate: new ConnectGate(),
  },
  maxLagMs: 1000,
  missingMs: () => 0,
});

/** Holds a connection to read, until it is told to let go. */
const holding = (sessions: DatabaseSessionManager, released: Promise<void>) =>
  sessions.session(
    async (db) => {
      await db.execute('select 1');
      await released;
    },
    { snapshot: true },
  );

/** Resolves when the replica has been looked at again. */
async function looked(): Promise<void> {
  const lastLook = async () =>
    (
      await pair.ask<{ at: string }>(
        `select query_start::text as at from pg_stat_activity where application_name = 'tidegauge/replica-1/probe'`,
      )
    )?.at;
  const before = await lastLook();
  await until('the monitor has looked again', async () => {
    const at = await lastLook();
    return at !== before ? true : undefined;
  });
}

describe('a session', () => {
  it.each([
    ['that only reads', READ, 'replica'],
    ['that only reads one moment', { snapshot: true }, 'replica'],
    [
      'that only reads serializably',
      { ...READ, snapshot: true, isolationLevel: 'serializable' },
      'primary',
    ],
    ['that may write', {}, 'primary'],
  ] satisfies [string, SessionOptions, string][])(
    '%s is sent to the right server',
    async (_what, options, wanted) => {
      await using opened = await pair.open();

      const found = await placeOf(opened.sessions, options);

      expect(found).toBe(wanted);
      expect(opened.fallbacks).toEqual([]);
    },
  );

  it('that only reads stays on the primary inside of one that may write, and leaves the replica when one inside of it does', async () => {
    await using opened = await pair.open();
    const { sessions } = opened;

    const inside = await sessions.session(() => placeOf(sessions, READ));
    const around = await sessions.session(async () => {
      const before = await place();
      await sessions.transaction((db) => db.execute('select 1'), { propagation: 'new' });
      return [before, await place()];
    }, READ);

    expect(inside).toBe('primary');
    expect(around).toEqual(['replica', 'primary']);
  });

  it('that must see what another one wrote does so inside of one that need not', async () => {
    await using opened = await pair.open({ replicaMaxLagMs: 60_000 });
    const { sessions } = opened;
    let position = '';
    await pair.ask('select pg_wal_replay_pause()');
    const onPosition = (at: string) => void (position = at);
    await sessions.session((db) => db.execute('select txid_current()'), { onPosition });

    const found = await sessions.session(
      async () => [
        await place(),
        await placeOf(sessions, { ...READ, readAfter: position }),
        await sessions.transaction(place, { ...READ, readAfter: position }),
        await placeOf(sessions, READ),
        await sessions.transaction(place, READ),
      ],
      READ,
    );
    await pair.ask('select pg_wal_replay_resume()');

    expect(found).toEqual(['replica', 'primary', 'primary', 'replica', 'replica']);
    expect(opened.fallbacks).toEqual(['read_after', 'read_after']);
  });

  it('that may write tells where it wrote, though a part of it could only read', async () => {
    await using opened = await pair.open();
    const { sessions } = opened;
    const positions: string[] = [];

    await sessions.session(
      async (db) => {
        await sessions.transaction((part) => part.execute('select 1'), READ);
        await db.execute(`insert into notes values (77, 'after a part that only reads')`);
      },
      { onPosition: (at) => void positions.push(at) },
    );

    expect(positions).toHaveLength(1);
  });

  it.each([
    ['a replica', {}, READ],
    ['the primary', { replicas: [] }, READ],
    ['a session that may write', {}, {}],
  ])(
    'that must see what was written up to no position is refused by %s',
    async (_what, settings, options) => {
      await using opened = await pair.open(settings);

      const failure = await failureOf(
        placeOf(opened.sessions, { ...options, readAfter: '16/b374d84' }),
      );

      expect(failure).toMatchObject({ code: 'DB_INVALID_TEXT' });
    },
  );

  it('cannot write on a replica, by the same code as on the primary', async () => {
    await using opened = await pair.open();

    const failure = await failureOf(
      opened.sessions.session((db) => db.execute('insert into notes values (1)'), READ),
    );

    expect(failure).toMatchObject({ code: 'DB_SESSION_READ_ONLY' });
  });

  it('is counted in the pool of the server that it is sent to, each replica having its own', async () => {
    const replica = connectionOf(pair.replicaAddress);
    await using opened = await pair.open({ replicas: [replica, replica] });
    const { sessions } = opened;
    const usedOf = () => sessions.pools().map((pool) => [pool.stats().name, pool.stats().used]);

    const held = Promise.withResolvers<void>();
    const readers = [1, 2].map(() => holding(sessions, held.promise));
    const used = await until('both hold a connection', () =>
      usedOf().filter(([, count]) => count === 1).length === 2 ? usedOf() : undefined,
    );
    held.resolve();
    await Promise.all(readers);

    expect(used).toEqual([
      ['main', 0],
      ['replica-1', 1],
      ['replica-2', 1],
    ]);
  });
});

it('a process that forgets to close its sessions ends though they have a replica', async () => {
  await using errand = new ErrandProcess('forgetReplica', connectionOf(pair.replicaAddress));

  expect(await errand.said()).toEqual({ isReplica: true });
  expect(await errand.ended).toEqual({ code: 0, stderr: '' });
});

describe('a replica', () => {
  it('that has everything of an idle primary is not behind, however long that is idle', async () => {
    await using opened = await pair.open({ replicaMaxLagMs: 100 });
    await pair.write('select txid_current()');

    await looked();
    await looked();
    const row = await pair.ask<{ isOld: boolean }>(
      `select clock_timestamp() - pg_last_xact_replay_timestamp() > interval '100 ms' as "isOld"`,
    );

    expect(row).toEqual({ isOld: true });
    expect(opened.sessions.replicas()).toMatchObject([{ state: 'usable', lagMs: 0 }]);
    expect(opened.changes).toHaveLength(1);
  });

  it('that lacks what is older than allowed is not read from until it has caught up', async () => {
    await using opened = await pair.open({ replicaMaxLagMs: 300 });
    const { sessions, changes, fallbacks } = opened;

    await pair.ask('select pg_wal_replay_pause()');
    await pair.write(`insert into notes values (2, 'late')`);
    await replicaIs(sessions, 'behind');
    const behind = await placeOf(sessions, READ);
    await pair.ask('select pg_wal_replay_resume()');
    await replicaIs(sessions, 'usable');
    const after = await placeOf(sessions, READ);

    expect([behind, after]).toEqual(['primary', 'replica']);
    expect(fallbacks).toEqual(['unusable']);
    expect(changes.map(({ from, to }) => `${from} → ${to}`)).toEqual([
      'starting → usable',
      'usable → behind',
      'behind → usable',
    ]);
  });

  it('that is cut off from its primary is behind, though it has replayed all it received', async () => {
    await using opened = await pair.open();

    pair.link.reset();
    pair.link.cut();
    await replicaIs(opened.sessions, 'behind');
    pair.link.letThrough();
    await replicaIs(opened.sessions, 'usable');

    expect(opened.changes.at(-1)).toMatchObject({
      pool: 'replica-1',
      from: 'behind',
      to: 'usable',
    });
  });

  it('that was cut off before it had replayed a transaction is not read from: it does not know how far behind it is', async () => {
    await using fresh = await ReplicaPair.start();
    fresh.link.reset();
    fresh.link.cut();
    await until('it has noticed', async () =>
      fresh.ask('select where not exists (select from pg_stat_wal_receiver)'),
    );

    await using opened = await fresh.open({}, 'behind');

    expect(opened.sessions.replicas()).toMatchObject([{ state: 'behind', lagMs: undefined }]);
  });

  it('that does not know that it is cut off is behind as soon as the primary is known to be ahead', async () => {
    await using opened = await pair.open();
    const { sessions } = opened;
    const positionOf = async () => {
      const row = await sessions.session(async (db) => {
        const [found] = await db.execute<{ at: string }[]>(
          'select pg_current_wal_flush_lsn()::text as at',
        );
        return found;
      });
      return row?.at ?? '';
    };
    const note = async () =>
      sessions.noteServer({
        isStandby: false,
        isReadOnlyByDefault: false,
        walPosition: await positionOf(),
      });

    pair.link.drop();
    await pair.write(`insert into notes values (3, 'unheard')`);
    await note();
    await replicaIs(sessions, 'behind');
    const known = await pair.ask<{ lag: number }>(
      `select (exists (select from pg_stat_wal_receiver)
         and pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn())::int as lag`,
    );
    pair.link.cut();
    pair.link.letThrough();
    await replicaIs(sessions, 'usable');

    expect(known).toEqual({ lag: 1 });
  });

  it('that goes away fails the session it is in the middle of by name, and no other', async () => {
    await using opened = await pair.open();
    const { sessions, fallbacks } = opened;
    const isReading = Promise.withResolvers<void>();
    const caught = failureOf(
      sessions.session(async (db) => {
        await db.execute('select 1');
        isReading.resolve();
        await db.execute('select pg_sleep(60)');
      }, READ),
    );
    await isReading.promise;

    await pair.way.refuse();
    const failure = await caught;
    const found = await Promise.all(Array.from({ length: 20 }, () => placeOf(sessions, READ)));
    await replicaIs(sessions, 'down');
    await pair.way.listen();
    await replicaIs(sessions, 'usable');

    expect(failure).toMatchObject({ code: 'DB_CONNECTION_LOST' });
    expect(new Set(found)).toEqual(new Set(['primary']));
    expect(fallbacks).toHaveLength(20);
    expect(await placeOf(sessions, READ)).toBe('replica');
  });

  it('that is doubted is found well by a look that is no part of the request that doubts it', async () => {
    const request = new AsyncLocalStorage<string>();
    const told: string[] = [];
    await using opened = await pair.open({
      observer: {
        replicaChanged: ({ to }) => void told.push(`${to}: ${request.getStore() ?? 'nobody'}`),
      },
    });
    const { sessions } = opened;
    await request.run('a request', () =>
      failureOf(
        sessions.session((db) => db.execute('select pg_terminate_backend(pg_backend_pid())'), READ),
      ),
    );
    await replicaIs(sessions, 'usable');

    expect(told).toEqual(['usable: nobody', 'down: a request', 'usable: nobody']);
  });

  it('that is closed refuses who waits for it at once, though it is being looked at', async () => {
    const connection = connectionOf(pair.replicaAddress);
    const settings = {
      ...DEFAULT_DATABASE_OPTIONS,
      poolSize: 1,
      maxOverflow: 0,
      mayBeStandby: true,
    };
    const pool = new ConnectionPool(sessionPoolOptions(settings, connection));
    const monitor = new ReplicaMonitor({ ...monitored(), onChange: () => undefined });
    const replica = new Replica('closed', pool, monitor);
    replica.start();
    await until('it is usable', () => (replica.isUsable(undefined) ? true : undefined));
    const lease = await pool.connect();
    const waiter = failureOf(pool.connect());

    pair.way.freeze();
    replica.failed(new DatabaseError('DB_CONNECTION_LOST', 'lost'));
    const startedAt = performance.now();
    const ending = replica.end(0);
    const failure = await waiter;
    const refusedMs = performance.now() - startedAt;
    lease.release();
    await ending;

    expect(failure).toMatchObject({ code: 'DB_CLOSED' });
    // A look that gets no answer takes a second.
    expect(refusedMs).toBeLessThan(700);
  });

  it('that is doubted during a look is not found well by what that look saw before', async () => {
    const changes: string[] = [];
    const missing = [0, 0, 60_000];
    const monitor: ReplicaMonitor = new ReplicaMonitor({
      ...monitored(),
      missingMs: () => {
        // The replica has answered, and is read from since the look before.
        monitor.doubt(new DatabaseError('DB_CONNECTION_LOST', 'lost'));
        return missing.shift() ?? 0;
      },
      onChange: ({ state: from }, { state: to }) => void changes.push(`${from} → ${to}`),
    });

    monitor.start();
    await until('it was looked at three times', () => (missing.length === 0 ? true : undefined));
    await monitor.stop();

    expect(changes).toEqual(['starting → usable', 'usable → down', 'down → behind']);
  });

  it('whose name leads from a promoted server to a standby is read from on new connections', async () => {
    pair.way.leadTo(pair.primary.connection);
    await using opened = await pair.open({ poolSize: 1 }, 'promoted');
    const { sessions } = opened;
    await until('it has connected', () =>
      sessions.pools()[1]?.stats().idle === 1 ? true : undefined,
    );

    pair.way.leadTo(pair.standby.connection);
    await replicaIs(sessions, 'usable');

    expect(await placeOf(sessions, READ)).toBe('replica');
  });

  it('that has no connection left sends its readers to the primary within their deadline', async () => {
    await using opened = await pair.open({ poolSize: 1, maxOverflow: 0, acquireTimeoutMs: 400 });
    const { sessions, fallbacks } = opened;
    const held = Promise.withResolvers<void>();
    const holder = holding(sessions, held.promise);
    await until('it is held', () => (sessions.pools()[1]?.stats().used === 1 ? true : undefined));

    const reader = await placeOf(sessions, READ);
    held.resolve();
    await holder;

    expect(reader).toBe('primary');
    expect(fallbacks).toEqual(['connect']);
    expect(sessions.replicas()).toMatchObject([{ state: 'usable' }]);
  });

  it('that must not wait for its readers cancels them, which is no conflict of theirs', async () => {
    await using opened = await pair.open();
    await pair.write(`insert into notes values (4, 'seen')`);
    const cancelled = failureOf(
      opened.sessions.session((db) => db.execute('select pg_sleep(20) from notes'), {
        snapshot: true,
      }),
    );
    await until('it reads', async () =>
      pair.ask(
        `select from pg_stat_activity where state = 'active' and query like '%pg_sleep(20) from%' and pid <> pg_backend_pid()`,
      ),
    );

    await pair.write('delete from notes');
    await pair.write('vacuum notes');
    const failure = await cancelled;

    expect(failure).toMatchObject({ code: 'DB_UNAVAILABLE', details: { sqlState: '40001' } });
  });

  it('that was promoted is told of and not read from', async () => {
    await using opened = await pair.open();

    await pair.promote();
    await replicaIs(opened.sessions, 'promoted');

    expect(await placeOf(opened.sessions, READ)).toBe('primary');
    expect(opened.changes.at(-1)).toMatchObject({ from: 'usable', to: 'promoted' });
  });
});
