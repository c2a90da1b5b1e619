import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { topStatementsOf } from '#database/server/top-statements.ts';
import type { TopStatement, TopStatementsReport } from '#database/server/top-statements.ts';
import { sanitizeSql } from '#telemetry/sanitize-sql.ts';
import { createDatabase, withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';

const SLOW_CALLS = 3;
const EXTENSION = 'create extension pg_stat_statements schema tidegauge';

let server: EmbeddedServer;
let database: TestServerAddress;
const connections = new ServerConnections();

beforeAll(async () => {
  server = await startOwnServer({ shared_preload_libraries: 'pg_stat_statements' });
  await run(server.connection, `create role plain login password 'plain'`);
  database = {
    ...server.connection,
    database: await createDatabase(server.connection, 'template1'),
  };
  await run(
    database,
    'create schema tidegauge',
    EXTENSION,
    'grant usage on schema tidegauge to plain',
  );
});
afterEach(async () => {
  await connections.closeAll();
});
afterAll(async () => {
  await server.stop();
});

async function run(address: TestServerAddress, ...statements: readonly string[]): Promise<void> {
  await withClient(address, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

const plain = (address: TestServerAddress) => ({ ...address, user: 'plain', password: 'plain' });

/** As the service asks, without its deadline: what is said is to be seen here. */
const top = (address: TestServerAddress, limit = 20) =>
  topStatementsOf(connections.open(address, { clock: new FakeClock() }), limit, sanitizeSql);

const sqlOf = ({ statements }: TopStatementsReport) => statements.map(({ sql }) => sql);
const find = (report: TopStatementsReport, text: string): TopStatement | undefined =>
  report.statements.find(({ sql }) => sql.includes(text));

describe('the top statements of a database', () => {
  it('are those that took most time, with calls, rows and times, and are the same whatever their values', async () => {
    await run(
      database,
      'select tidegauge.pg_stat_statements_reset()',
      'create table things (n int)',
    );
    await run(
      database,
      'insert into things select generate_series(1, 1000)',
      ...Array.from(
        { length: SLOW_CALLS },
        (_, n) => `select pg_sleep(0.0${n + 1}), 'c4n4ry-${n}'`,
      ),
      'select n from things where n < 11',
    );

    const report = await top(database);
    const slow = find(report, 'pg_sleep');

    expect(report).toMatchObject({
      state: 'available',
      since: expect.stringMatching(/^20\d\d-.*Z$/),
    });
    expect(slow).toMatchObject({
      calls: SLOW_CALLS,
      rows: SLOW_CALLS,
      sql: 'select pg_sleep($1), $2',
    });
    expect(slow?.totalMs).toBeGreaterThan(60);
    expect(slow?.maxMs).toBeGreaterThan(30);
    expect(slow?.meanMs).toBeCloseTo((slow?.totalMs ?? 0) / SLOW_CALLS, 6);
    expect(find(report, 'from things')).toMatchObject({ calls: 1, rows: 10, cacheHitShare: 1 });
    const totals = report.statements.map(({ totalMs }) => totalMs);
    expect(totals).toEqual(totals.toSorted((one, other) => other - one));
    expect(report.statements.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
    expect(await top(database, 1)).toMatchObject({ statements: [expect.anything()] });
  });

  it('are equal to what the server says when it is asked by hand', async () => {
    await run(database, 'select count(*) from pg_class', 'select count(*) from pg_class');

    const told = find(await top(database, 100), 'count(*) from pg_class');
    const byHand = await withClient(database, async (client) =>
      client.query(
        `select calls::float8, rows::float8, total_exec_time as "totalMs", max_exec_time as "maxMs"
        from tidegauge.pg_stat_statements where queryid = $1`,
        [told?.queryId],
      ),
    );

    expect(byHand.rows).toEqual([
      { calls: 2, rows: 2, totalMs: told?.totalMs, maxMs: told?.maxMs },
    ]);
  });

  it('hold no literal, not even of statements that the server does not normalise', async () => {
    await run(
      database,
      `alter role plain password 'plain'`,
      `comment on schema tidegauge is 'c4n4ry comment'`,
      `select 'c4n4ry value' /* c4n4ry comment */`,
    );

    const { rows } = await withClient(database, (client) =>
      client.query<{ query: string }>('select query from tidegauge.pg_stat_statements'),
    );
    const texts = sqlOf(await top(database, 100));

    expect(rows.some(({ query }) => query.includes('c4n4ry'))).toBe(true);
    expect(texts.filter((text) => /c4n4ry|'plain'/.test(text))).toEqual([]);
    expect(texts).toContain('alter role plain password ?');
  });

  it('are of this database alone', async () => {
    await run(server.connection, 'select 4711 as elsewhere');

    expect(find(await top(database, 100), 'elsewhere')).toBeUndefined();
  });

  it('are without the texts of others for a role that may not see them, and with them for one that may', async () => {
    await run(database, 'select 1 as by_a_superuser');

    const own = await top(plain(database), 100);
    await run(database, 'grant pg_read_all_stats to plain');
    const all = await top(plain(database), 100);
    await run(database, 'revoke pg_read_all_stats from plain');

    expect(own.state).toBe('available');
    expect(find(own, 'by_a_superuser')).toBeUndefined();
    expect(own.statements.filter(({ queryId }) => queryId === undefined)).toHaveLength(1);
    expect(find(all, 'by_a_superuser')).toBeDefined();
  });

  it('are found in whatever schema the extension is', async () => {
    await run(
      database,
      'create schema "Some where"',
      'drop extension pg_stat_statements',
      'create extension pg_stat_statements schema "Some where"',
    );

    const elsewhere = await top(database);
    await run(database, 'drop extension pg_stat_statements', EXTENSION);

    expect(elsewhere.state).toBe('available');
    expect((await top(database)).state).toBe('available');
  });
});

describe('top statements that are not known', () => {
  it('are none, with what to do, where the extension was not created', async () => {
    expect(await top(server.connection)).toEqual({
      state: 'unavailable',
      fault: 'not_created',
      advice: expect.stringContaining('npm run db:provision'),
      statements: [],
    });
  });

  it('are none where the role may not look into its schema', async () => {
    await run(database, 'revoke usage on schema tidegauge from plain');

    const refused = await top(plain(database));
    await run(database, 'grant usage on schema tidegauge to plain');

    expect(refused).toMatchObject({ state: 'unavailable', fault: 'refused' });
  });

  it('are none where the extension is older than the server', async () => {
    await run(database, 'drop extension pg_stat_statements', `${EXTENSION} version '1.8'`);

    const outdated = await top(database);
    await run(database, 'alter extension pg_stat_statements update');

    expect(outdated).toMatchObject({
      fault: 'outdated',
      advice: expect.stringContaining('UPDATE'),
    });
    expect(await top(database)).toMatchObject({ state: 'available' });
  });

  it('are none where the server does not load it', async () => {
    await using other = await TestDatabase.create();
    await run(other.address, 'drop extension if exists pg_stat_statements', EXTENSION);

    expect(await top(other.address)).toMatchObject({
      fault: 'not_loaded',
      advice: expect.stringContaining('shared_preload_libraries'),
    });
  });

  it('are none where the server cannot be asked', async () => {
    expect(await top({ ...database, password: 'wrong' })).toMatchObject({
      state: 'unavailable',
      fault: 'failed',
      advice: expect.stringMatching(/./),
    });
  });
});
