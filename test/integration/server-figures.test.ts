import { afterEach, describe, expect, it } from 'vitest';
import type { DatabaseError } from '#database/database-error.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { ServerFigures } from '#database/server/server-figures.ts';
import { SessionActivity } from '#database/server/session-activity.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import { stoppedProcesses } from '#test/support/stopped-processes.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

/** Older than this a snapshot is replaced. */
const MAX_AGE_MS = 5000;

const connections = new ServerConnections();

afterEach(async () => {
  await connections.closeAll();
});

/** A server that logs its statements, and how many of each kind it was asked. */
async function loggingServer() {
  const lines: string[] = [];
  const server = await startOwnServer(
    { log_statement: 'all', log_line_prefix: '%a|' },
    (line) => void lines.push(line),
  );
  const countOf = (text: string) => lines.filter((line) => line.includes(text)).length;
  return {
    server,
    /** Snapshots and measurements that the server has logged. */
    asked: () => ({
      snapshots: countOf('from pg_catalog.pg_stat_database'),
      sizes: countOf('pg_database_size'),
    }),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** All processes of a server that a client may meet: stopped, they accept connections and answer nothing. */
async function pidsOf(server: EmbeddedServer): Promise<readonly number[]> {
  return await withClient(server.connection, async (client) => {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    return [server.pid, ...rows.map(({ pid }) => pid)];
  });
}

describe('the figures of a server', () => {
  it('are asked for once, however many want them at once, and again when they are 5 s old', async () => {
    await using logging = await loggingServer();
    const clock = new FakeClock();
    const figures = new ServerFigures(connections.open(logging.server.connection, { clock }));
    const fifty = async () => await Promise.all(Array.from({ length: 50 }, () => figures.report()));

    const first = await fifty();
    await clock.advance(MAX_AGE_MS - 1);
    const second = await fifty();
    const beforeThird = await until('the log', () =>
      logging.asked().sizes > 0 ? logging.asked() : undefined,
    );
    await clock.advance(1);
    const third = await fifty();
    await until('the third', () => (logging.asked().snapshots > 1 ? true : undefined));

    expect(beforeThird).toEqual({ snapshots: 1, sizes: 1 });
    expect(logging.asked()).toEqual({ snapshots: 2, sizes: 1 });
    const ages = (reports: typeof first) => [...new Set(reports.map(({ ageMs }) => ageMs))];
    expect([ages(first), ages(second), ages(third)]).toEqual([[0], [MAX_AGE_MS - 1], [0]]);
    expect(second.map(({ snapshot }) => snapshot)).toEqual(first.map(({ snapshot }) => snapshot));
  });

  it('have the size of the database, measured once a minute', async () => {
    await using logging = await loggingServer();
    const clock = new FakeClock();
    const figures = new ServerFigures(connections.open(logging.server.connection, { clock }));

    const sizes: (number | undefined)[] = [];
    for (let at = 0; at <= 60_000; at += MAX_AGE_MS) {
      sizes.push((await figures.report()).databaseSize);
      await clock.advance(MAX_AGE_MS);
    }
    await until('13 snapshots and the last size', () => {
      const { snapshots, sizes: measured } = logging.asked();
      return snapshots === 13 && measured >= 2 ? true : undefined;
    });

    expect(logging.asked().sizes).toBe(2);
    expect(sizes.every((size) => size !== undefined && size > 1_000_000)).toBe(true);
  });

  it('are asked for over the connection that sessions are asked about, whoever is first', async () => {
    await using database = await TestDatabase.create();
    const server = connections.open(database.address);
    const [activity, figures] = [new SessionActivity(server), new ServerFigures(server)];

    const [sessions, report] = await Promise.all([activity.of([1]), figures.report()]);
    const open = await database.query(
      `select from pg_stat_activity where application_name = 'tidegauge/main/figures' and datname = current_database()`,
    );

    expect(sessions.answer).toBe('given');
    expect(report.snapshot).toBeDefined();
    expect(open).toHaveLength(1);
  });

  it('are absent for a role that may not ask for them, and it is told why', async () => {
    await using server = await startOwnServer();
    await withClient(server.connection, async (client) => {
      await client.query(`create role plain login password 'plain'`);
      await client.query('revoke execute on function pg_database_size(name) from public');
      await client.query('revoke execute on function pg_is_in_recovery() from public');
    });
    const connection = connections.open({ ...server.connection, user: 'plain', password: 'plain' });
    const told: DatabaseError[] = [];
    const figures = new ServerFigures(connection, (error) => void told.push(error));

    const report = await figures.report();

    expect(report).toMatchObject({ snapshot: undefined, failures: 1 });
    expect(told).toMatchObject([
      { code: 'DB_PERMISSION', message: expect.stringContaining('pg_is_in_recovery') },
    ]);
  });

  it('are absent once their owner has closed the connection, of which nobody need be told', async () => {
    await using database = await TestDatabase.create();
    const server = connections.open(database.address);
    const told: DatabaseError[] = [];
    const figures = new ServerFigures(server, (error) => void told.push(error));

    await server.close();

    expect(await figures.report()).toMatchObject({
      snapshot: undefined,
      ageMs: undefined,
      failures: 1,
    });
    expect(told).toEqual([]);
  });
});

describe('the figures of a server that does not answer', () => {
  it('are absent within a second, and there again when it goes on; without a deadline nothing ends', async () => {
    await using server = await startOwnServer();
    const figures = new ServerFigures(connections.open(server.connection));
    const before = await until('a snapshot', async () => {
      const report = await figures.report();
      return report.snapshot && report;
    });

    await withClient(server.connection, async (patient) => {
      const pids = await pidsOf(server);
      const fresh = new ServerFigures(connections.open(server.connection));
      let hasEnded = false;
      {
        using _stopped = stoppedProcesses(pids);
        const answer = patient.query('select 1').finally(() => {
          hasEnded = true;
        });
        const startedAt = performance.now();
        const report = await fresh.report();
        const tookMs = performance.now() - startedAt;
        const later = await until('the old snapshot is replaced', async () => {
          const found = await figures.report();
          return found.snapshot === undefined ? found : undefined;
        });

        expect(hasEnded).toBe(false);
        expect(report).toMatchObject({ snapshot: undefined, ageMs: undefined, failures: 1 });
        expect(tookMs).toBeLessThan(10_000);
        expect(later.failures).toBe(1);
        expect(later.ageMs).toBeGreaterThan(0.9 * MAX_AGE_MS);
        answer.catch(() => undefined);
      }
      await until('the server goes on', () => (hasEnded ? true : undefined));
    });

    const after = await until('they are back', async () => {
      const report = await figures.report();
      return report.snapshot && report;
    });
    expect(after.snapshot?.version).toBe(before.snapshot?.version);
    expect(after.ageMs).toBeLessThan(MAX_AGE_MS);
  });

  it('count a failure once in 5 s, not once for each who asks', async () => {
    await using database = await TestDatabase.create();
    const clock = new FakeClock();
    const server = connections.open({ ...database.address, password: 'wrong' }, { clock });
    const figures = new ServerFigures(server);

    await Promise.all(Array.from({ length: 20 }, () => figures.report()));
    await clock.advance(MAX_AGE_MS - 1);
    const { failures } = await figures.report();
    await clock.advance(1);

    expect(failures).toBe(1);
    expect((await figures.report()).failures).toBe(2);
  });
});
