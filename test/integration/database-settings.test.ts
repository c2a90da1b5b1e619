import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DatabaseOptions } from '#database/database-options.ts';
import { HealthProbe } from '#database/health/health-probe.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import { until } from '#test/support/until.ts';

const NAMES = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];

let database: TestDatabase;
const pools = new TestPools();

beforeAll(async () => {
  database = await TestDatabase.create();
});

afterEach(async () => {
  await pools.closeAll();
});

afterAll(async () => {
  await database.drop();
});

const SETTINGS = `
  select name, setting from pg_settings where name = any (string_to_array(?, ' '))
  order by array_position(string_to_array(?, ' '), name)`;

/** What the server has for the sessions of a service, in milliseconds. */
async function effective(sessions: DatabaseSessionManager): Promise<number[]> {
  const rows = await sessions.session(
    (db) => db.execute<{ setting: string }[]>(SETTINGS, [NAMES.join(' '), NAMES.join(' ')]),
    { readOnly: true },
  );
  return rows.map(({ setting }) => Number(setting));
}

async function managerOf(overrides: Partial<DatabaseOptions>): Promise<DatabaseSessionManager> {
  const sessions = new DatabaseSessionManager();
  await sessions.init(database.options({ poolSize: 1, maxOverflow: 0, ...overrides }));
  return sessions;
}

describe('the limits that are configured', () => {
  it.each([
    [500, 1, 1],
    [999, 1000, 1001],
    [5000, 3000, 10_000],
    [86_400_000, 86_400_000, 86_400_000],
  ])(
    'F20: are those of the server session, after a reset as well: %i, %i, %i ms',
    async (statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs) => {
      await using sessions = await managerOf({
        statementTimeoutMs,
        lockTimeoutMs,
        idleInTransactionTimeoutMs,
      });
      const configured = [statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs];

      expect(await effective(sessions)).toEqual(configured);
      await sessions.session((db) => db.execute('set statement_timeout = 4321'), {
        readOnly: true,
      });
      expect(await effective(sessions)).toEqual(configured);
      await assertClean(sessions);
    },
  );

  it('F20: win over those of the role and of the database', async () => {
    const role = `limited_${randomBytes(4).toString('hex')}`;
    await database.createRole(role, `login password 'limited'`);
    await database.query(`
      alter role ${role} set statement_timeout = '77s';
      alter role ${role} set lock_timeout = '78s';
      alter database "${database.address.database}" set idle_in_transaction_session_timeout = '79s'`);
    const connection = {
      ...database.connection,
      user: role,
      password: { reveal: () => 'limited' },
    };
    const sessions = await managerOf({ connection });

    const found = await effective(sessions);

    await sessions.close();
    await database.query(
      `alter database "${database.address.database}" reset idle_in_transaction_session_timeout`,
    );
    await database.dropRole(role);
    expect(found).toEqual([5000, 3000, 10_000]);
  });

  it('F20 control: handed to pg as they are written, they are something else', async () => {
    const limitOf = async (text: string) => {
      const { host, port, user, database: name, password } = database.address;
      const client = new pg.Client({
        host,
        port,
        user,
        database: name,
        password,
        ssl: false,
        statement_timeout: text as unknown as number,
      });
      await client.connect();
      const { rows } = await client.query('show statement_timeout');
      await client.end();
      return rows[0]?.statement_timeout;
    };

    expect(await limitOf('5s')).toBe('5ms');
    expect(await limitOf('0.5')).toBe('0');
  });
});

describe('a size that is no size', () => {
  // What our settings refuse: see test/unit/config/setting-numbers.test.ts.
  it.each([
    ['abc', 10],
    ['1.5', 2],
  ])('F19 control: handed to pg-pool as it is written, %s opens %i', async (max, opened) => {
    const { host, port, user, database: name, password } = database.address;
    const pool = new pg.Pool({
      host,
      port,
      user,
      password,
      database: name,
      ssl: false,
      max: max as unknown as number,
    });
    const asked = Array.from({ length: 10 }, async () => (await pool.connect()).release());
    await Promise.all(asked);

    expect(pool.totalCount).toBe(opened);
    await pool.end();
  });
});

/** A pooler that forgets what a client asks for in its startup message, until it is told not to. */
class ForgetfulPooler implements AsyncDisposable {
  isForgetful = true;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (client) => {
      const upstream = connect(database.address);
      client.once('data', (startup) => {
        upstream.write(this.isForgetful ? withoutOptions(startup) : startup);
        client.pipe(upstream);
      });
      upstream.pipe(client);
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        socket.on('error', () => undefined);
        socket.on('close', () => other.destroy());
      }
    });
  }

  static async start(): Promise<ForgetfulPooler> {
    const server = createServer();
    server.listen(0, database.address.host);
    await once(server, 'listening');
    return new ForgetfulPooler(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const PROTOCOL_3 = 196_608;
const HEADER_BYTES = 8;

/** A startup message less its parameter `options`; other first messages are left alone. */
function withoutOptions(startup: Buffer): Buffer {
  if (startup.readUInt32BE(4) !== PROTOCOL_3) {
    return startup;
  }
  const words = startup.toString('utf8', HEADER_BYTES).split('\0');
  const at = words.indexOf('options');
  const kept = Buffer.from(
    words.filter((_word, index) => index !== at && index !== at + 1).join('\0'),
  );
  const header = Buffer.from(startup.subarray(0, HEADER_BYTES));
  header.writeUInt32BE(HEADER_BYTES + kept.length);
  return Buffer.concat([header, kept]);
}

describe('a pooler that drops the limits on their way', () => {
  const sessionSettings = { statement_timeout: '5000', lock_timeout: '3000' };

  it('F20: makes connecting fail, with the name of the first, and leaves no session', async () => {
    await using pooler = await ForgetfulPooler.start();
    const { pool, failed, sessions } = pools.open(database, {
      connection: { ...database.connection, port: pooler.port },
      sessionSettings,
    });

    const failure = await failureOf(pool.connect());

    expect(failure).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /statement_timeout = 0 although 5000 was asked for.*DB_POOLER/,
      ),
    });
    expect(failed).toEqual(['CONFIG_INVALID']);
    await expect.poll(sessions).toBe(0);
    pooler.isForgetful = false;
    (await until('a connection is opened', () => pool.connect())).release();
    await pool.end();
  });

  it('F20: keeps the probe from finding it up', async () => {
    await using pooler = await ForgetfulPooler.start();
    const probe = new HealthProbe({
      connection: { ...database.connection, port: pooler.port },
      poolName: 'settings',
      connectTimeoutMs: 2000,
      sessionSettings,
      expectedMigrations: [],
      isPooled: false,
      poolStats: () => poolStatsOf(),
    });

    await probe.start();
    const { state, code } = probe.verdict();

    expect({ state, code }).toEqual({ state: 'down', code: 'CONFIG_INVALID' });
    pooler.isForgetful = false;
    await expect.poll(() => probe.verdict().state, { timeout: 10_000 }).not.toBe('down');
    await probe.stop();
  });

  it('F20 control: would leave statements without a limit, and nobody told', async () => {
    await using pooler = await ForgetfulPooler.start();
    const { pool } = pools.open(database, {
      connection: { ...database.connection, port: pooler.port },
      sessionSettings,
      parts: (options) => ({
        open: ({ onBroken, signal }) => PooledConnection.open(options, { onBroken, signal }),
      }),
    });
    const lease = await pool.connect();

    const { rows } = await lease.query('show statement_timeout');

    expect(rows).toEqual([{ statement_timeout: '0' }]);
    lease.release();
    await pool.end();
  });

  it('F20: keeps a service from being ready, with the code, for as long as it does', async () => {
    await using pooler = await ForgetfulPooler.start();
    await using service = await ServiceProcess.start({
      env: { DATABASE_URL: databaseUrl(database.address, { port: pooler.port }) },
    });
    const readiness = async () => {
      const response = await fetch(`${service.url}/readyz`);
      return {
        status: response.status,
        state: Reflect.get(Object(await response.json()), 'status'),
      };
    };
    const changes = () => service.logs.filter(({ event }) => event === 'db.health.changed');

    await service.logged('db.health.changed');
    // Several attempts of the pool, and looks of the probe.
    await delay(2500);

    expect(changes()).toMatchObject([{ from: 'starting', to: 'down', code: 'CONFIG_INVALID' }]);
    expect(await readiness()).toEqual({ status: 503, state: 'down' });
    pooler.isForgetful = false;
    await expect.poll(readiness, { timeout: 20_000 }).toEqual({ status: 200, state: 'up' });
    expect(await service.stop()).toBe(0);
  });
});
