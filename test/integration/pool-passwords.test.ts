import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseConnection } from '#database/database-options.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { Load } from '#test/support/chaos/load.ts';
import { runCommand } from '#test/support/run-command.ts';
import { Tally } from '#test/support/chaos/tally.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPool } from '#test/support/test-pools.ts';
import { until } from '#test/support/until.ts';

let database: TestDatabase;
let proxy: TcpProxy;
let folder: string;
let passwordFile: string;
const pools = new TestPools();

beforeAll(async () => {
  database = await TestDatabase.create({ empty: true });
});

beforeEach(async () => {
  proxy = await TcpProxy.start(database.address);
  folder = await mkdtemp(join(tmpdir(), 'tidegauge-password-'));
  passwordFile = join(folder, 'password');
});

afterEach(async () => {
  await pools.closeAll();
  await proxy.close();
  await rm(folder, { recursive: true });
});

afterAll(async () => {
  await database.drop();
});

describe('a password that cannot be had', () => {
  const LANES = 10;
  const PAUSE_MS = 20;
  const AWAY_MS = 2000;
  const POOL_SIZE = 2;
  /** Twice what the gate lets through in that time (at 0, 0.2, 0.6, 1.25 and 1.9 s), for machines that are slow. */
  const MOST_ATTEMPTS = 12;
  const THREADS_FOR_FILES = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);

  const poolOf = () =>
    pools.open(database, {
      connection: {
        ...database.connection,
        port: proxy.port,
        password: undefined,
        passwordFile,
      },
      poolSize: POOL_SIZE,
      connectTimeoutMs: 200,
      acquireTimeoutMs: 1000,
    });

  /** Asks for connections for a while; resolves to what became of it. */
  async function askForAWhile({ pool }: TestPool): Promise<Tally> {
    const answers = new Tally();
    const load = new Load(LANES, async () => {
      const answer = await pool.connect().then(
        (lease) => {
          lease.release();
          return 'ok';
        },
        (error: unknown) => String(Reflect.get(Object(error), 'code')),
      );
      answers.add(answer);
      await delay(PAUSE_MS);
      return true;
    });
    await delay(AWAY_MS);
    await load.stop();
    return answers;
  }

  it('F27: costs no socket and no more attempts than the gate lets through', async () => {
    const test = poolOf();

    const answers = await askForAWhile(test);

    expect(Object.keys(answers.total)).toEqual(['DB_AUTH_FAILED']);
    expect(test.failed.length).toBeLessThanOrEqual(MOST_ATTEMPTS);
    expect(proxy.accepted).toBe(0);
    await writeFile(passwordFile, database.address.password);
    const lease = await until('it can be read', () => test.pool.connect());
    lease.release();
    expect(proxy.accepted).toBe(test.pool.stats().total);
  });

  it('F27: from a pipe that nobody fills costs no socket either, and keeps no other file waiting', async () => {
    await runCommand(['mkfifo', passwordFile]);
    const test = poolOf();

    const answers = await askForAWhile(test);

    expect(Object.keys(answers.total)).toEqual(['DB_CONNECT_TIMEOUT']);
    expect(test.failed.length).toBeLessThanOrEqual(MOST_ATTEMPTS);
    expect(proxy.accepted).toBe(0);
    const [lease] = await Promise.all([
      until('it can be read', () => test.pool.connect()),
      writeFile(passwordFile, database.address.password),
    ]);
    lease.release();
    expect(proxy.accepted).toBe(1);
  });

  it('F27 control: a pipe that is read as files are keeps every other file waiting', async () => {
    await runCommand(['mkfifo', passwordFile]);
    const stuck = Array.from({ length: THREADS_FOR_FILES }, () => readFile(passwordFile));

    const other = readFile(import.meta.filename).then(() => 'read');

    expect(await Promise.race([other, delay(1000, 'waits')])).toBe('waits');
    closeSync(openSync(passwordFile, constants.O_RDWR));
    expect(await other).toBe('read');
    await Promise.all(stuck);
  });

  it('F27 control: plain pg leaves a socket open for every password that it does not get', async () => {
    const attempts = Array.from({ length: 20 }, async () => {
      const client = new pg.Client({
        ...database.address,
        port: proxy.port,
        password: () => Promise.reject(new Error('no password')),
      });
      client.on('error', () => undefined);
      await client.connect();
    });

    const outcomes = await Promise.allSettled(attempts);

    expect(outcomes.map(({ status }) => status)).toEqual(Array(20).fill('rejected'));
    expect(proxy.clients).toBe(20);
  });
});

describe('a password that is changed while sessions come and go', () => {
  const ROTATIONS = 5;
  const LANES = 8;

  let role: string;

  beforeEach(async () => {
    role = `rotated_${randomBytes(4).toString('hex')}`;
    await database.createRole(role, `login password 'password 0'`);
    await writeFile(passwordFile, 'password 0');
  });

  afterEach(async () => {
    await database.dropRole(role);
  });

  /** Changes the password again and again, first the server's, then the file's; resolves to how sessions ended. */
  async function rotateUnderLoad(secret: Partial<DatabaseConnection>): Promise<Tally> {
    await using sessions = new DatabaseSessionManager();
    await sessions.init(
      database.options({
        connection: { ...database.connection, user: role, password: undefined, ...secret },
        poolSize: 4,
        maxOverflow: 2,
      }),
    );
    const answers = new Tally();
    const load = new Load(LANES, async () => {
      const answer = await sessions
        .session((em) => em.execute('select current_user'))
        .then(
          () => 'ok',
          (error: unknown) => String(Reflect.get(Object(error), 'code')),
        );
      answers.add(answer);
      await delay(1);
      return true;
    });
    for (let round = 1; round <= ROTATIONS; round += 1) {
      await database.query(`alter role ${role} password 'password ${round}'`);
      // Whoever logs in now has the old one from the file.
      sessions.evict();
      await delay(50);
      await writeFile(passwordFile, `password ${round}`);
      await delay(200);
    }
    await load.stop();
    return answers;
  }

  it('F28: fails no session', async () => {
    const answers = await rotateUnderLoad({ passwordFile });

    expect(answers.total).toEqual({ ok: answers.count() });
    expect(answers.count()).toBeGreaterThan(100);
  });

  it('F28 control: fails those that log in with what was read at the start', async () => {
    const answers = await rotateUnderLoad({ password: { reveal: () => 'password 0' } });

    expect(answers.count(/DB_AUTH_FAILED/)).toBeGreaterThan(0);
  });
});
