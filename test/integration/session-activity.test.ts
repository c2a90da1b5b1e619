import type pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import { DatabaseError } from '#database/database-error.ts';
import { ServerConnection } from '#database/server/server-connection.ts';
import { SessionActivity } from '#database/server/session-activity.ts';
import type { ActivityReport, ServerSession } from '#database/server/session-activity.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { withClient } from '#test/support/databases.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const open = new Set<ServerConnection>();

afterEach(async () => {
  await Promise.all([...open].map((server) => server.close()));
  open.clear();
});

function connectionTo(
  { connection }: { readonly connection: DatabaseConnection },
  parts: { readonly gate?: ConnectGate; readonly clock?: FakeClock } = {},
): ServerConnection {
  const server = new ServerConnection({
    connection,
    poolName: 'main',
    gate: new ConnectGate(),
    ...parts,
  });
  open.add(server);
  return server;
}

function activityOf(
  { connection }: { readonly connection: DatabaseConnection },
  parts: { readonly gate?: ConnectGate; readonly clock?: FakeClock } = {},
): SessionActivity {
  return new SessionActivity(connectionTo({ connection }, parts));
}

function through(database: TestDatabase, { host, port }: TcpProxy) {
  return { connection: { ...database.connection, host, port } };
}

async function pidOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}

function sessionsIn(report: ActivityReport): ReadonlyMap<number, ServerSession> {
  return report.answer === 'given' ? report.sessions : new Map();
}

const figures = async (database: TestDatabase) =>
  await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'tidegauge/main/figures' and datname = current_database()`,
  );

const none = async (database: TestDatabase) =>
  (await figures(database)).length === 0 ? true : undefined;

describe('what the server says of its sessions', () => {
  it('is what each does, what it waits for, and who is in its way', async () => {
    await using database = await TestDatabase.create();
    const activity = activityOf(database);

    await withClient(database.address, async (holder) => {
      await withClient(database.address, async (blocked) => {
        const [holderPid, blockedPid] = [await pidOf(holder), await pidOf(blocked)];
        await holder.query('begin');
        await holder.query('select pg_advisory_xact_lock(1)');
        const waiting = blocked.query('select pg_advisory_lock(1)');

        const [first, second] = await until('the server sees the lock', async () => {
          const sessions = sessionsIn(await activity.of([holderPid, blockedPid]));
          const session = sessions.get(blockedPid);
          return session?.waitEventType === 'Lock'
            ? ([sessions.get(holderPid), session] as const)
            : undefined;
        });
        await holder.query('rollback');
        await waiting;

        expect(first).toMatchObject({
          state: 'idle in transaction',
          waitEventType: 'Client',
          waitEvent: 'ClientRead',
          blockedBy: [],
          queryMs: undefined,
          transactionMs: expect.any(Number),
        });
        expect(second).toMatchObject({
          state: 'active',
          waitEvent: 'advisory',
          blockedBy: [holderPid],
          queryMs: expect.any(Number),
        });
      });
    });
  });

  it('is asked over one connection, however many ask at once', async () => {
    await using database = await TestDatabase.create();
    const activity = activityOf(database);

    const reports = await Promise.all(Array.from({ length: 50 }, () => activity.of([1])));

    expect(new Set(reports.map(({ answer }) => answer))).toEqual(new Set(['given']));
    expect(await figures(database)).toHaveLength(1);
  });

  it('is not asked when there is nobody to ask about, nor after the end', async () => {
    await using database = await TestDatabase.create();
    const server = connectionTo(database);
    const activity = new SessionActivity(server);

    expect(await activity.of([])).toEqual({ answer: 'not asked' });
    await server.close();
    expect(await activity.of([1])).toEqual({ answer: 'not asked' });
    expect(await figures(database)).toEqual([]);
  });
});

describe('the connection of the figures', () => {
  it('is closed when nobody has asked for a minute, and opened again when somebody asks', async () => {
    await using database = await TestDatabase.create();
    const clock = new FakeClock();
    const activity = activityOf(database, { clock });

    await activity.of([1]);
    await clock.advance(59_999);
    await activity.of([1]);
    await clock.advance(59_999);
    const kept = await figures(database);
    await clock.advance(1);
    await until('the connection is closed', async () => await none(database));
    const { answer } = await activity.of([1]);

    expect(kept).toHaveLength(1);
    expect(answer).toBe('given');
  });

  it('is replaced when the server has ended it', async () => {
    await using database = await TestDatabase.create();
    const activity = activityOf(database);
    await activity.of([1]);
    const [first] = await figures(database);

    await database.query('select pg_terminate_backend($1)', [first?.pid]);
    const report = await until('a new connection answers', async () => {
      const { answer } = await activity.of([1]);
      return answer === 'given' ? answer : undefined;
    });

    expect(report).toBe('given');
    expect(await figures(database)).not.toEqual([first]);
  });

  it('is closed with its owner', async () => {
    await using database = await TestDatabase.create();
    const server = connectionTo(database);
    const activity = new SessionActivity(server);
    await activity.of([1]);

    await server.close();
    await server.close();

    expect(await until('the session has ended', async () => await none(database))).toBe(true);
  });
});

describe('a server that hangs', () => {
  it('is given up after 500 ms, its socket destroyed, and asked on a new one afterwards', async () => {
    await using database = await TestDatabase.create();
    await using proxy = await TcpProxy.start(database.address);
    const activity = activityOf(through(database, proxy));
    await activity.of([1]);

    proxy.drop();
    const startedAt = performance.now();
    const reports = [await activity.of([1]), await activity.of([1]), await activity.of([1])];
    const tookMs = performance.now() - startedAt;
    await until('every socket is closed', () => (proxy.clients === 0 ? true : undefined));
    proxy.letThrough();
    const { answer } = await activity.of([1]);

    expect(reports).toMatchObject([
      { answer: 'failed', error: { code: 'DB_QUERY_TIMEOUT' } },
      { answer: 'failed', error: { code: 'DB_QUERY_TIMEOUT' } },
      { answer: 'failed', error: { code: 'DB_QUERY_TIMEOUT' } },
    ]);
    expect(tookMs).toBeLessThan(15_000);
    expect(proxy.accepted).toBe(4);
    expect(answer).toBe('given');
  });

  it('keeps nobody from connecting because this one had no patience', async () => {
    await using database = await TestDatabase.create();
    await using proxy = await TcpProxy.start(database.address);
    const gate = new ConnectGate();
    const activity = activityOf(through(database, proxy), { gate });

    proxy.hold();
    const { answer } = await activity.of([1]);

    expect(answer).toBe('failed');
    expect(gate.mayTry).toBe(true);
    expect(gate.cause).toBeUndefined();
  });

  it('is not waited for at the end', async () => {
    await using database = await TestDatabase.create();
    await using proxy = await TcpProxy.start(database.address);
    const server = connectionTo(through(database, proxy));
    const activity = new SessionActivity(server);
    await activity.of([1]);

    proxy.drop();
    const asking = activity.of([1]);
    const startedAt = performance.now();
    await server.close();

    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(await asking).toMatchObject({ answer: 'failed' });
  });
});

describe('a server that is away', () => {
  it('is tried by nobody while the gate is closed: the cause is told at once', async () => {
    await using database = await TestDatabase.create();
    await using proxy = await TcpProxy.start(database.address);
    const gate = new ConnectGate();
    const refused = new DatabaseError('DB_CONNECT_REFUSED', 'nobody listens');
    await expect(gate.attempt(() => Promise.reject(refused))).rejects.toBe(refused);
    const activity = activityOf(through(database, proxy), { gate });

    const report = await activity.of([1]);
    gate.close();

    expect(report).toEqual({ answer: 'failed', error: refused });
    expect(proxy.accepted).toBe(0);
  });
});
