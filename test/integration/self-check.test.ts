import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseSettings } from '#config/parse-settings.ts';
import type { SelfCheckFailed, SelfCheckFound } from '#database/database-observer.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { DatabaseError } from '#database/database-error.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import { sessionLimits } from '#database/pool-options.ts';
import { askOver, askOverIdle } from '#database/self-check/ask-server.ts';
import { SelfCheck } from '#database/self-check/self-check.ts';
import type { SelfCheckOptions } from '#database/self-check/self-check.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import { createDatabase, dropDatabase, withClient } from '#test/support/databases.ts';
import { TestDatabase } from '#test/support/test-database.ts';

type Env = Readonly<Record<string, string>>;

const PASSWORD = 'c4n4ry-selfcheck';
const role = `checked_${randomBytes(4).toString('hex')}`;
/** Of a throw-away server, and of any role with nothing but rows to read and write. */
const OF_THE_TESTS = [
  'fsync',
  'full-page-writes',
  'data-checksums',
  'keepalive',
  'role-may-create-temporary',
  'role-sees-own-sessions',
  'statement-statistics',
  'host-figures',
];

let database: TestDatabase;
let found: SelfCheckFound[] = [];
let failed: SelfCheckFailed[] = [];
const opened: SelfCheck[] = [];

beforeAll(async () => {
  database = await TestDatabase.create();
  await database.createRole(role, `login password '${PASSWORD}'`);
  await database.query(`grant usage on schema public to ${role};
    grant select, insert, update, delete on all tables in schema public to ${role}`);
});

beforeEach(() => {
  found = [];
  failed = [];
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((check) => check.stop()));
  await mend();
});

afterAll(async () => {
  await database.dropRole(role);
  await database.drop();
});

/** Makes the role as it was. */
async function mend(): Promise<void> {
  await database.query(`alter role ${role} reset all;
    alter role ${role} connection limit -1 nocreatedb nocreaterole valid until 'infinity';
    alter database "${database.address.database}" connection limit -1;
    alter database "${database.address.database}" reset all;
    revoke create on schema public from ${role};
    drop table if exists owned`);
}

const asRole = (): DatabaseConnection => ({
  ...database.connection,
  user: role,
  password: { reveal: () => PASSWORD },
});

/** A check as the service makes it, with the settings of these variables. */
function checkOf(env: Env = {}, overrides: Partial<SelfCheckOptions> = {}): SelfCheck {
  const { settings } = parseSettings({ DATABASE_URL: database.url, ...env });
  const check = new SelfCheck({
    connection: asRole(),
    plan: { settings: settings.database, requestTimeoutMs: settings.http.requestTimeoutMs },
    sessionSettings: sessionLimits(settings.database),
    gate: new ConnectGate(),
    askIdle: () => Promise.reject(new Error('nobody is idle')),
    known: new Set(OF_THE_TESTS),
    observer: {
      selfCheckFound: (event) => void found.push(event),
      selfCheckFailed: (event) => void failed.push(event),
    },
    ...overrides,
  });
  opened.push(check);
  return check;
}

/** Ids of what a check finds now. */
async function findingsOf(
  env: Env = {},
  overrides: Partial<SelfCheckOptions> = {},
): Promise<string[]> {
  const check = checkOf(env, overrides);
  await check.run();
  const { state, findings } = check.result();
  expect(state).toBe('done');
  return findings.map(({ id }) => id);
}

/** What is wrong with the server or the role, and what is found of it. */
const WRONG: readonly (readonly [string, string])[] = [
  ['time-zone', `alter role ${role} set timezone = 'Europe/Berlin'`],
  ['synchronous-commit', `alter role ${role} set synchronous_commit = off`],
  ['client-check-interval', `alter role ${role} set client_connection_check_interval = 0`],
  ['idle-session-timeout', `alter role ${role} set idle_session_timeout = '1min'`],
  [
    'log-parameters',
    `alter role ${role} set log_parameter_max_length = -1; alter role ${role} set log_statement = 'mod'`,
  ],
  ['log-parameters-on-error', `alter role ${role} set log_parameter_max_length_on_error = 64`],
  ['log-error-detail', `alter role ${role} set log_error_verbosity = 'default'`],
  ['track-activities', `alter role ${role} set track_activities = off`],
  ['standard-conforming-strings', `alter role ${role} set standard_conforming_strings = off`],
  ['password-expires', `alter role ${role} valid until 'tomorrow'`],
  ['role-attributes', `alter role ${role} createdb createrole`],
  ['role-may-create', `grant create on schema public to ${role}`],
  ['role-owns-tables', `create table owned (id int); alter table owned owner to ${role}`],
  ['connections-exceed-role-limit', `alter role ${role} connection limit 18`],
];

describe('a role as the service would have it', () => {
  it('gives nothing to find', async () => {
    expect(await findingsOf()).toEqual([]);
    expect(found).toEqual([]);
  });

  it('gives nothing to find behind a pooler, where each transaction brings its limits', async () => {
    expect(await findingsOf({ DB_POOLER: 'pgbouncer' })).toEqual([]);
  });
});

describe('what is wrong', () => {
  it.each(WRONG)('is found, as %s, and gone once it is mended', async (id, statement) => {
    await database.query(statement);

    const before = await findingsOf();
    await mend();
    const after = await findingsOf();

    expect({ before, after }).toEqual({ before: [id], after: [] });
  });

  it('is a session whose limits got lost on the way', async () => {
    expect(await findingsOf({}, { sessionSettings: {} })).toEqual([
      'statement-timeout',
      'lock-timeout',
      'idle-in-transaction-timeout',
    ]);
    expect(await findingsOf()).toEqual([]);
  });

  it('is the durability of a server that is thrown away, and what its role does not see', async () => {
    const ids = await findingsOf({}, { known: new Set() });

    expect(ids).toEqual(expect.arrayContaining(['fsync', 'full-page-writes', 'host-figures']));
  });

  it('is a superuser, and nothing else that it may do', async () => {
    expect(await findingsOf({}, { connection: database.connection })).toEqual(['role-superuser']);
  });

  it('is a database in another encoding', async () => {
    const { address } = database;
    const name = await createDatabase(address, 'template0');
    const other = `${name.slice(0, -5)}_ascii_test`;
    await withClient(address, (client) =>
      client.query(
        `create database "${other}" encoding 'SQL_ASCII' locale_provider libc locale 'C' template template0`,
      ),
    );

    const ids = await findingsOf({}, { connection: { ...asRole(), database: other } });
    const control = await findingsOf({}, { connection: { ...asRole(), database: name } });

    await dropDatabase(address, other);
    await dropDatabase(address, name);
    expect(ids).toEqual(['encoding']);
    expect(control).toEqual([]);
  });

  it('is migrations that the role may not read', async () => {
    await database.query(`revoke select on mikro_orm_migrations from ${role}`);

    const ids = await findingsOf();
    await database.query(`grant select on mikro_orm_migrations to ${role}`);

    expect(ids).toEqual(['migrations-unreadable']);
    expect(await findingsOf()).toEqual([]);
  });
});

describe('the budget of connections', () => {
  it('is judged by the numbers of the server', async () => {
    const [{ room, max } = { room: 0, max: 0 }] = await database.query<{
      room: number;
      max: number;
    }>(
      `select current_setting('max_connections')::int as max, current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) as room`,
    );
    const envOf = (bound: number) => ({ DB_POOL_SIZE: String(bound), DB_MAX_OVERFLOW: '0' });
    const check = checkOf(envOf(room - 3));

    await check.run();

    const [finding] = check.result().findings;
    expect(finding).toMatchObject({ id: 'connections-exceed-server', severity: 'warning' });
    expect(finding?.message).toContain(
      `= ${room + 1} connections of all instances, and the server has room for ${room} (max_connections ${max} -`,
    );
    expect(finding?.advice).toContain(
      `${room - 4} at most fits, or raise max_connections to ${max + 1}`,
    );
    expect(await findingsOf(envOf(room - 4))).toEqual([]);
  });

  it('is judged by the limit of the database', async () => {
    const { address } = database;
    await database.query(`alter database "${address.database}" connection limit 18`);

    expect(await findingsOf()).toEqual(['connections-exceed-database-limit']);
    await database.query(`alter database "${address.database}" connection limit 19`);
    expect(await findingsOf()).toEqual([]);
  });

  it('F23: is told of a role that may connect 5 times by the pool of 20 that has all 5, and serves', async () => {
    await database.query(`alter role ${role} connection limit 5`);
    const env = { DB_POOL_SIZE: '20', DB_MAX_OVERFLOW: '0' };
    await using sessions = new DatabaseSessionManager();
    await sessions.init(database.options({ connection: asRole(), poolSize: 20, maxOverflow: 0 }));
    await expect.poll(() => sessions.stats().idle, { timeout: 10_000 }).toBe(5);
    const check = checkOf(env, { askIdle: askOverIdle(sessions) });

    await check.run();

    expect(check.result()).toMatchObject({
      state: 'done',
      findings: [
        {
          id: 'connections-exceed-role-limit',
          message: expect.stringMatching(/= 24 connections .*may have 5 \(CONNECTION LIMIT\)$/),
          advice: expect.stringMatching(/^a DB_POOL_SIZE \+ DB_MAX_OVERFLOW of 1 at most fits/),
        },
      ],
    });
    await Promise.all(Array.from({ length: 40 }, () => sessions.check()));
  });

  it('F23 control: is not told without a connection to ask over, and whoever waits is not held up', async () => {
    await database.query(`alter role ${role} connection limit 5`);
    await using sessions = new DatabaseSessionManager();
    await sessions.init(database.options({ connection: asRole(), poolSize: 5, maxOverflow: 0 }));
    await expect.poll(() => sessions.stats().idle, { timeout: 10_000 }).toBe(5);
    const check = checkOf({}, { askIdle: askOverIdle(sessions) });
    const release = Promise.withResolvers<void>();
    const held = Array.from({ length: 5 }, () =>
      sessions.session(async (db) => {
        await db.execute('select 1');
        await release.promise;
      }),
    );
    await expect.poll(() => sessions.stats().used).toBe(5);

    await check.run();

    expect(check.result()).toMatchObject({
      state: 'failed',
      code: 'DB_TOO_MANY_CONNECTIONS',
      findings: [],
    });
    expect(sessions.stats().waiting).toBe(0);
    release.resolve();
    await Promise.all(held);
  });
});

describe('a check', () => {
  it('tells each finding once, and one that is new', async () => {
    await database.query(`alter role ${role} set timezone = 'Europe/Berlin'`);
    const check = checkOf();

    await check.run();
    await Promise.all([check.run(), check.run()]);
    await database.query(`alter role ${role} set track_activities = off`);
    await check.run();

    expect(found.map(({ pool, id, severity }) => `${pool} ${id} ${severity}`)).toEqual([
      'main time-zone warning',
      'main track-activities warning',
    ]);
  });

  it('leaves no session behind', async () => {
    await checkOf().run();

    await expect
      .poll(() => database.query(`select pid from pg_stat_activity where usename = $1`, [role]))
      .toEqual([]);
  });

  it('follows verdicts in which the server can be asked, and no others', async () => {
    const check = checkOf();

    check.verdictChanged({ to: 'down', code: 'DB_CONNECT_REFUSED' });
    expect(check.result().state).toBe('pending');
    check.verdictChanged({ to: 'up', code: undefined });
    await expect.poll(() => check.result().state).toBe('done');
    const first = check.result();
    check.verdictChanged({ to: 'saturated', code: 'DB_TOO_MANY_CONNECTIONS' });
    check.verdictChanged({ to: 'down', code: 'DB_CONNECTION_LOST' });
    await check.stop();
    expect(check.result()).toBe(first);
  });

  it('does not connect while nobody may, and keeps nobody from it when it fails', async () => {
    const gate = new ConnectGate();
    const refused = { ...asRole(), password: { reveal: () => 'c4n4ry-wrong' } };
    const own = checkOf({}, { gate, connection: refused });

    await own.run();
    const mayTryAfter = gate.mayTry;
    const full = new DatabaseError('DB_TOO_MANY_CONNECTIONS', 'full');
    await gate.attempt(() => Promise.reject(full)).catch(() => undefined);
    const barred = checkOf({}, { gate });
    await barred.run();

    expect(own.result().code).toBe('DB_AUTH_FAILED');
    expect(mayTryAfter).toBe(true);
    expect(barred.result()).toMatchObject({ state: 'failed', code: 'DB_UNAVAILABLE' });
  });

  it('of a server that accepts and says nothing fails in time, and stops at once', async () => {
    const silent = createServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const connection = { ...asRole(), port };

    const late = checkOf({ DB_CONNECT_TIMEOUT_MS: '200' }, { connection });
    await late.run();
    const stopped = checkOf({ DB_CONNECT_TIMEOUT_MS: '1400' }, { connection });
    const running = stopped.run();
    const startedAt = performance.now();
    await stopped.stop();
    await running;

    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(late.result()).toMatchObject({ state: 'failed', code: 'DB_CONNECT_TIMEOUT' });
    expect(failed).toMatchObject([{ pool: 'main', code: 'DB_CONNECT_TIMEOUT' }]);
    silent.close();
  });

  it('that gets no answer to its question is given up, and found by its code', async () => {
    const check = checkOf();

    await withClient(database.address, async (client) => {
      await client.query('begin; lock table pg_catalog.pg_extension in access exclusive mode');
      await check.run();
      await client.query('rollback');
    });

    expect(check.result()).toMatchObject({ state: 'failed', code: 'DB_QUERY_TIMEOUT' });
    await check.run();
    expect(check.result()).toMatchObject({ state: 'done', code: undefined });
  });
});

describe('questions over a connection of their own', () => {
  it('that came to an end without their answers, when the time was over, are late', async () => {
    const options = {
      connection: asRole(),
      applicationName: 'tidegauge/main/selfcheck',
      connectTimeoutMs: 2000,
      sessionSettings: {},
      isPooled: false,
    };

    const asked = askOver(options, (ask) => ask('select pg_sleep(5)').catch(() => []), {
      signal: new AbortController().signal,
    });

    await expect(asked).rejects.toMatchObject({ code: 'DB_QUERY_TIMEOUT' });
  });
});

describe('a service', () => {
  it('logs what is found, once, and tells it with everything else that it is', async () => {
    await database.query(`alter role ${role} set timezone = 'Europe/Berlin'`);
    const url = new URL(database.url);
    url.username = role;
    url.password = PASSWORD;
    await using service = await buildTestService({
      database,
      env: { DATABASE_URL: url.href, NODE_ENV: 'development' },
    });
    const lines = () => service.logs.filter(({ event }) => event === 'db.selfcheck.finding');
    await expect.poll(lines).not.toEqual([]);
    const timeZone = {
      id: 'time-zone',
      advice: `ALTER ROLE ${role} SET timezone = 'UTC'`,
    };
    const message = expect.stringContaining('the time zone Europe/Berlin');

    const { status, body } = await service.request.get('/info');

    expect(lines().filter(({ id }) => id === 'time-zone')).toMatchObject([
      { level: 'warn', pool: 'main', reason: message, ...timeZone },
    ]);
    expect(lines().filter(({ id }) => id === 'host-figures')).toMatchObject([{ level: 'info' }]);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        name: 'tidegauge',
        postgres: expect.stringMatching(/^1[5-9]/),
        selfCheck: { state: 'done', checkedAt: expect.any(String), code: null },
        warnings: expect.arrayContaining([
          { source: 'self-check', severity: 'warning', message, ...timeZone },
        ]),
        settings: { database: { connection: { user: role, password: '[redacted]' } } },
      },
    });
    expect(JSON.stringify(body)).not.toContain(PASSWORD);
  });
});
