import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BoundCursor } from '#database/bound-cursor.ts';
import type { DatabaseOptions } from '#database/database-options.ts';
import { composeObservers, type QueryEnded } from '#database/database-observer.ts';
import type { Holder } from '#database/pool/holder.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import type { WorkScope } from '#database/work-scope.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import type { Metrics } from '#telemetry/metrics.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { withClient } from '#test/support/databases.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { metricsOf } from '#test/support/metrics-of.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { TestPools } from '#test/support/test-pools.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';

let database: TestDatabase;
let sessions: DatabaseSessionManager;
let metrics: Metrics;
let ended: QueryEnded[];
const pools = new TestPools();
const after: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await TestDatabase.create();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(() => {
  sessions = new DatabaseSessionManager();
  metrics = metricsOf(sessions);
  ended = [];
});

afterEach(async () => {
  if (sessions.isOpen) {
    await assertClean(sessions);
    await sessions.close();
  }
  metrics.close();
  await pools.closeAll();
  for (const end of after.splice(0)) {
    await end();
  }
});

/** One connection, so that every session has the same. */
async function open(overrides: Partial<DatabaseOptions> = {}): Promise<void> {
  await sessions.init(
    database.options({
      entities,
      poolSize: 1,
      maxOverflow: 0,
      prePing: false,
      observer: composeObservers([
        metrics.databaseObserver,
        { queryEnded: (event) => void ended.push(event) },
      ]),
      ...overrides,
    }),
  );
}

function share(): NonNullable<WorkScope['database']> {
  return { operations: 0, queryMs: 0, waitMs: 0 };
}

async function samplesOf(name: string) {
  const { body } = await metrics.render(OPENMETRICS);
  return parseExposition(body, 'openmetrics')
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === name);
}

async function operations(): Promise<Record<string, number>> {
  const samples = await samplesOf('db_client_operation_duration_seconds_count');
  return Object.fromEntries(
    samples.map(({ labels, value }) => [
      [labels['db_operation_name'], labels['db_collection_name'], labels['error_type']]
        .filter((part) => part !== '')
        .join(' '),
      value,
    ]),
  );
}

describe('the end of a statement', () => {
  it('tells whose it was, its text, operation, table and time', async () => {
    await open();
    const { host, port, database: name } = database.options().connection ?? database.connection;
    const scope = { traceId: 'a'.repeat(32) };

    await sessions.session((db) => db.execute('select id from users where email = ?', ['a@b.c']), {
      name: 'lookup',
      readOnly: true,
      scope,
    });

    expect(ended).toEqual([
      {
        pool: 'main',
        server: { host, port, database: name },
        holder: 'lookup',
        scope,
        text: 'select id from users where email = $1',
        operation: 'SELECT',
        collection: 'users',
        durationMs: expect.any(Number),
        code: undefined,
        isStream: false,
        sqlState: undefined,
      },
    ]);
  });

  it('tells the code and the SQLSTATE of a failure', async () => {
    await open();

    await sessions
      .session((db) => db.execute('select nothing from users'), { readOnly: true })
      .catch(() => undefined);

    expect(ended).toMatchObject([{ code: 'DB_SCHEMA', sqlState: '42703', collection: 'users' }]);
  });

  it('tells that one with a value that cannot be sent has failed', async () => {
    const { pool } = pools.open(database, {
      observer: { queryEnded: (event) => void ended.push(event) },
    });
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;

    const lease = await pool.connect();
    await expect(lease.query('select $1', [circular])).rejects.toThrow(/circular/);
    lease.release();

    expect(ended).toMatchObject([{ code: 'DB_QUERY_FAILED', sqlState: undefined }]);
  });

  it('is told once of a cursor, with the time of all its reads', async () => {
    await open();
    const names = ['Ada', 'Ben', 'Cy'];
    await sessions.session(async (db) => {
      for (const name of names) db.create(UserEntity, { email: `${name}@cursor.example`, name });
      await db.flush();
    });
    ended = [];
    const found: unknown[] = [];

    await sessions.session(
      async (db) => {
        const rows = db.createQueryBuilder(UserEntity, 'u').select('u.id').stream({ chunkSize: 1 });
        for await (const row of rows) {
          found.push(row);
        }
      },
      { readOnly: true },
    );

    expect(found.length).toBeGreaterThanOrEqual(3);
    expect(ended).toMatchObject([{ operation: 'SELECT', collection: 'users' }]);
  });

  it('tells that a cursor has failed whose connection was lost, or whose holder went away, between two reads', async () => {
    const leaving = new AbortController();
    let holder: Holder = { name: 'stays' };
    const { pool } = pools.open(database, {
      observer: { queryEnded: (event) => void ended.push(event) },
      parts: () => ({ currentHolder: () => holder }),
    });
    const lost = await pool.connect();
    holder = { name: 'leaves', signal: leaving.signal };
    const left = await pool.connect();
    const cursors = [lost, left].map((lease) =>
      lease.query(new BoundCursor('select generate_series(1, 3)', [])),
    );
    for (const cursor of cursors) {
      await cursor.read(1);
    }

    leaving.abort();
    await database.query('select pg_terminate_backend($1)', [lost.processID]);
    await until('the lease is over', () => (pool.stats().used === 1 ? true : undefined));
    for (const cursor of cursors) {
      await expect(cursor.read(1)).rejects.toMatchObject({ name: 'DatabaseError' });
      await cursor.close();
    }
    lost.release();
    left.release();

    expect(ended).toMatchObject([
      { isStream: true, code: 'DB_CONNECTION_LOST' },
      { isStream: true, code: 'DB_QUERY_CANCELLED' },
    ]);
  });
});

describe('the share of the database in a piece of work', () => {
  it('counts its statements, their time and its waits, commit and begin included', async () => {
    await open();
    const scope = { traceId: 'a'.repeat(32), database: share() };

    await sessions.session((db) => db.execute('select pg_sleep(0.05)'), { scope });

    expect(scope.database.operations).toBe(3);
    expect(scope.database.queryMs).toBeGreaterThanOrEqual(50);
    expect(scope.database.waitMs).toBeGreaterThan(0);
  });

  it('counts statements and waits that fail', async () => {
    await open({ acquireTimeoutMs: 50 });
    const scope = { traceId: 'a'.repeat(32), database: share() };
    const failures: unknown[] = [];

    await sessions
      .session(
        async (db) => {
          await db.execute('select 1');
          await sessions
            .transaction((inner) => inner.execute('select 1'), { propagation: 'new' })
            .catch((error: unknown) => void failures.push(error));
          await db.execute('select 1 / 0').catch((error: unknown) => void failures.push(error));
        },
        { scope, readOnly: true, snapshot: true },
      )
      .catch(() => undefined);

    expect(failures).toMatchObject([{ code: 'DB_POOL_TIMEOUT' }, { code: 'DB_QUERY_FAILED' }]);
    expect(scope.database.waitMs).toBeGreaterThanOrEqual(49);
    // Begin, two statements, and what ended it; the one that got no connection is none.
    expect(scope.database.operations).toBe(4);
  });

  it('is counted whether or not anybody listens', async () => {
    await sessions.init(database.options({ entities, poolSize: 1, maxOverflow: 0 }));
    const scope = { traceId: 'a'.repeat(32), database: share() };

    await sessions.session((db) => db.execute('select 1'), { scope, readOnly: true });

    expect(scope.database.operations).toBe(1);
  });
});

describe('the metric of operations', () => {
  it('names what was done to which table, and how it failed', async () => {
    await open();
    const email = 'operations@example.com';

    await sessions.session(async (db) => {
      db.create(UserEntity, { email, name: 'One' });
      await db.flush();
      await db.transactional(async (inner) => await inner.execute('select 1 from pg_class'));
    });
    await sessions
      .session(async (db) => {
        db.create(UserEntity, { email, name: 'Two' });
        await db.flush();
      })
      .catch(() => undefined);

    expect(await operations()).toMatchObject({
      BEGIN: 2,
      'INSERT users': 1,
      'INSERT users constraint': 1,
      'SELECT other': 1,
      SAVEPOINT: 1,
      RELEASE: 1,
      COMMIT: 1,
      ROLLBACK: 1,
    });
  });

  it('has an exemplar of sampled work only, and so have the times to get and to hold a connection', async () => {
    await open();
    const scope = (digit: string, isSampled: boolean) => ({
      traceId: digit.repeat(32),
      spanId: digit.repeat(16),
      isSampled,
    });
    const run = (of: WorkScope) =>
      sessions.session((db) => db.execute('select 1 from users'), { scope: of, readOnly: true });

    await run(scope('b', false));
    await run(scope('a', true));
    await run(scope('c', false));

    for (const name of [
      'db_client_operation_duration_seconds',
      'db_client_connection_wait_time_seconds',
      'db_client_connection_use_time_seconds',
    ]) {
      const found = (await samplesOf(`${name}_bucket`)).flatMap(({ exemplar = [] }) => exemplar);
      expect(found.map(({ labels }) => labels)).toEqual([
        { trace_id: 'a'.repeat(32), span_id: 'a'.repeat(16) },
      ]);
    }
    expect((await metrics.render(undefined)).body).not.toContain('a'.repeat(32));
  });
});

it('prepared statements are those that the server has prepared, those that it refused not among them', async () => {
  await open();
  const run = (text: string) =>
    sessions.session((db) => db.execute(text, [1]), { readOnly: true }).catch(() => undefined);

  for (let round = 0; round < 3; round += 1) {
    await run('select ? :: int as a');
    await run('select ? :: int as b');
    await run('select ? :: int as no_such_column from users where nothing');
  }

  const [row] = await sessions.session(
    (db) => db.execute<{ n: number }[]>('select count(*)::int as n from pg_prepared_statements'),
    { readOnly: true },
  );
  const [sample] = await samplesOf('db_client_prepared_statements');
  expect(row?.n).toBe(2);
  expect(sample?.value).toBe(row?.n);
});

it('the operations are as many as the statements that the server saw', async () => {
  const seen: string[] = [];
  const settings = { log_statement: 'all', log_line_prefix: '%a|' };
  const server = await startOwnServer(settings, (line) => void seen.push(line));
  const isOurs = (line: string) =>
    /^tidegauge\/main\|LOG: +(?:statement|execute (?!fetch from))/.test(line);
  after.push(() => server.stop());
  const { password, ...address } = server.connection;
  await open({ connection: { ...address, password: { reveal: () => password } } });
  await sessions.session((db) => db.execute('select 1'), { readOnly: true });
  const warm = ended.length;
  const untilLogged = async (mark: string) => {
    await withClient(server.connection, (client) => client.query(`select '${mark}'`));
    await until('the log is there', () => seen.some((line) => line.includes(mark)) || undefined);
  };
  await untilLogged('warm');
  const before = seen.filter(isOurs).length;

  for (let round = 1; round <= 20; round += 1) {
    await sessions.session(async (db) => {
      await db.execute('select ? :: int', [round]);
      await db.transactional(async (inner) => await inner.execute('select 2'));
    });
    await sessions
      .session((db) => db.execute('select 1 / 0'), { readOnly: true })
      .catch(() => undefined);
    await sessions.session((db) => db.execute('select ? :: int', [round]), {
      readOnly: true,
      snapshot: true,
    });
  }
  await untilLogged('done');

  const statements = seen.filter(isOurs).length - before;
  const counted = Object.values(await operations()).reduce((sum, value) => sum + value, 0);
  expect(statements).toBeGreaterThan(150);
  expect(counted - warm).toBe(statements);
});
