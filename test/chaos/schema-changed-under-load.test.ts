import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import { addTeam } from '#test/support/api-rows.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { Load } from '#test/support/chaos/load.ts';
import { changeSchema, SCHEMA_CHANGES } from '#test/support/chaos/schema-changes.ts';
import { Tally } from '#test/support/chaos/tally.ts';
import { UserReadersAndWriters } from '#test/support/chaos/user-readers-and-writers.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const CLIENTS = 10;
const PAUSE_MS = 200;
const ANSWERS_AFTERWARDS = 200;

describe('F61: a table changed under load, with its statements prepared', () => {
  const figures = new Figures('F61', SCHEMA_CHANGES);
  let database: TestDatabase;

  beforeEach(async () => {
    database = await TestDatabase.create();
  });
  afterEach(async () => {
    await database.drop();
  });
  afterAll(figures.publish);

  it('costs no answer of 500, a few of 503, and none of either when it is over', async () => {
    const retired = new Tally();
    await using service = await buildTestService({
      database,
      env: { LOG_LEVEL: 'fatal' },
      observer: { connectionClosed: ({ reason }) => retired.add(reason) },
    });
    await addTeam(service.request);
    const clients = new UserReadersAndWriters(service.url, CLIENTS);

    await changeSchema(database.address, PAUSE_MS);
    await clients.served(ANSWERS_AFTERWARDS);
    const during = clients.takeAnswers();
    await clients.served(ANSWERS_AFTERWARDS);
    await clients.stop();

    figures.note('answers meanwhile', during);
    figures.note('answers afterwards', clients.answers);
    figures.note('connections retired', retired);
    expect(during.except(/^20[01]$|^503 DB_UNAVAILABLE$/)).toEqual({});
    expect(clients.answers.except(/^20[01]$/)).toEqual({});
    // Else no statement was prepared, and nothing was shown.
    expect(retired.count(/^dirty$/)).toBeGreaterThan(0);
    await assertClean(service);
  });

  it('would be caught failing: prepared statements of plain pg do', async () => {
    await using pool = withDispose(new pg.Pool({ connectionString: database.url, max: CLIENTS }));
    const failures = new Tally();
    const load = new Load(CLIENTS, async () => {
      await pool
        .query({ name: 'list', text: 'select * from users limit $1', values: [5] })
        .catch((error: unknown) => failures.add(String(error)));
      return true;
    });

    await changeSchema(database.address, PAUSE_MS);
    await load.stop();

    figures.control('prepared statements of plain pg', failures);
    expect(failures.count(/cached plan must not change result type/)).toBeGreaterThan(0);
  });
});

function withDispose(pool: pg.Pool): pg.Pool & AsyncDisposable {
  // Its database may be dropped before its last connection is closed.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', () => undefined);
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}
