import { afterAll, beforeAll, expect, it } from 'vitest';
import { ErrandProcess } from '#test/support/errand-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const ROUNDS = 50;
/** Of the session pool, the probe, the figures and the migrations. */
const APPLICATIONS = [
  'tidegauge/errand',
  'tidegauge/errand/figures',
  'tidegauge/errand/probe',
  'tidegauge/migrate',
];

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});

afterAll(async () => {
  await database.drop();
});

/** Ends every idle backend of the applications, once all have one; resolves to whose there were. */
const terminateIdle = () =>
  until('all are connected', async () => {
    const idle = await database.query<{ application: string }>(
      `with idle as (
         select pid, application_name from pg_stat_activity
         where datname = current_database() and state = 'idle' and application_name = any($1)
       ), complete as (
         select count(distinct application_name) = $2 as yes from idle
       )
       select application_name as application, pg_terminate_backend(pid)
       from idle, complete where yes`,
      [APPLICATIONS, APPLICATIONS.length],
    );
    return idle.length === 0 ? undefined : new Set(idle.map(({ application }) => application));
  });

it('F3: idle connections that the server ends, fifty times over, never end the process, whoever made them', async () => {
  await using errand = new ErrandProcess('useEverything', database.connection);
  const hit: ReadonlySet<string>[] = [];
  while (hit.length < ROUNDS) {
    hit.push(await terminateIdle());
  }
  errand.goOn();

  expect(await errand.said()).toEqual({ used: 0, waiting: 0, untyped: [] });
  expect(await errand.ended).toEqual({ code: 0, stderr: '' });
  expect(hit.map(({ size }) => size)).toEqual(Array(ROUNDS).fill(APPLICATIONS.length));
});

it('F3 control: one idle connection of a plain pool that nobody listens to ends the process', async () => {
  await using errand = new ErrandProcess('plainIdle', database.connection);
  await errand.said();
  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()`,
  );

  expect(await errand.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('terminating connection due to administrator command'),
  });
});

it('F4: a connection that the server ends while it is held fails the next query with a typed error', async () => {
  await using errand = new ErrandProcess('idleInTransactions', database.connection);

  expect(await errand.said()).toEqual({
    codes: ['DB_CONNECTION_LOST', 'DB_CONNECTION_LOST', 'DB_CONNECTION_LOST'],
    used: [0, 0],
    afterwards: [null, null],
  });
  expect(await errand.ended).toEqual({ code: 0, stderr: '' });
});

it('F4 control: a connection of a plain pool that is held, and that nobody listens to, ends the process', async () => {
  await using errand = new ErrandProcess('plainIdleInTransaction', database.connection);
  await errand.said();

  expect(await errand.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('idle-in-transaction timeout'),
  });
});
