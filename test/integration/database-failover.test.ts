import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LeasedClient } from '#database/pool/leased-client.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { restartServer } from '#test/support/restart-server.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';
import type { TestPool } from '#test/support/test-pools.ts';

const SLOTS = 4;

let database: TestDatabase;
const pools = new TestPools();

beforeAll(async () => {
  database = await TestDatabase.create({ empty: true });
});

afterEach(async () => {
  await pools.closeAll();
});

afterAll(async () => {
  await database.drop();
});

/** What a server says that is no longer what it was. */
const raise = (sqlState: string) =>
  `do $$ begin raise exception using errcode = '${sqlState}'; end $$`;

interface Leased extends TestPool {
  readonly leases: readonly [LeasedClient, LeasedClient, LeasedClient];
}

/** A pool of which three connections are leased, and one is idle. */
async function leased(): Promise<Leased> {
  const tested = pools.open(database, { poolSize: SLOTS });
  tested.pool.start();
  await expect.poll(() => tested.pool.stats().idle).toBe(SLOTS);
  const leases = await Promise.all([
    tested.pool.connect(),
    tested.pool.connect(),
    tested.pool.connect(),
  ]);
  return { ...tested, leases };
}

async function failInTransaction(lease: LeasedClient, begin: string, sqlState: string) {
  await lease.query(begin);
  const failure = await failureOf(lease.query(raise(sqlState)));
  await lease.query('rollback');
  return failure;
}

const pidOf = ({ processID }: LeasedClient) => processID;

describe('a server that has become read-only under a transaction that may write', () => {
  it('F30: loses its idle connections at once and the leased ones at their return', async () => {
    const { pool, closed, sessions, leases } = await leased();
    const [writer, ...others] = leases;

    expect(await failInTransaction(writer, 'begin read write', '25006')).toMatchObject({
      code: 'DB_READ_ONLY',
    });

    expect(closed).toEqual(['failover']);
    for (const lease of [writer, ...others]) {
      lease.release();
    }
    await expect.poll(() => pool.stats()).toMatchObject({ used: 0, idle: SLOTS, connecting: 0 });
    expect(closed).toEqual(Array.from({ length: SLOTS }, () => 'failover'));
    await expect.poll(sessions).toBe(SLOTS);
    const next = await pool.connect();
    expect(leases.map(pidOf)).not.toContain(pidOf(next));
    next.release();
  });

  it.each([
    ['begin read only', '25006'],
    ['begin read write', '23505'],
  ])('F30 control: loses none when %s ends in %s', async (begin, sqlState) => {
    const { pool, closed, leases } = await leased();

    await failInTransaction(leases[0], begin, sqlState);

    for (const lease of leases) {
      lease.release();
    }
    await expect.poll(() => pool.stats()).toMatchObject({ used: 0, idle: SLOTS });
    expect(closed).toEqual([]);
  });

  it('F30: loses each connection once, however many transactions tell of it', async () => {
    const { pool, closed, leases } = await leased();
    const [first, ...late] = leases;
    await failInTransaction(first, 'begin read write', '25006');
    first.release();
    await expect.poll(() => pool.stats().idle).toBe(SLOTS - 2);
    const before = closed.length;

    for (const lease of late) {
      await failInTransaction(lease, 'begin read write', '25006');
      expect(closed).toHaveLength(before);
    }

    for (const lease of late) {
      lease.release();
    }
    await expect.poll(() => pool.stats()).toMatchObject({ used: 0, idle: SLOTS });
    expect(closed).toEqual(Array.from({ length: SLOTS }, () => 'failover'));
  });
});

describe('a server that has come back as a standby', () => {
  const WRITERS = 40;

  it('F30: refuses writers by name, and the pool tries other connections once a second', async () => {
    await using server = await startOwnServer();
    await writeFile(join(server.dataDir, 'data', 'standby.signal'), '');
    await restartServer(server);
    const { password, ...address } = server.connection;
    const { pool, closed } = pools.open(
      {
        connection: { ...address, password: { reveal: () => password } },
        query: async () => [],
      },
      { poolSize: SLOTS },
    );
    const codes: string[] = [];
    const startedAt = performance.now();

    while (codes.length < WRITERS) {
      const lease = await pool.connect();
      const { code } = await failureOf(lease.query('start transaction read write'));
      codes.push(code);
      lease.release();
    }

    const seconds = (performance.now() - startedAt) / 1000;
    expect(codes).toEqual(Array.from({ length: WRITERS }, () => 'DB_READ_ONLY'));
    expect(new Set(closed)).toEqual(new Set(['failover']));
    expect(closed.length).toBeLessThanOrEqual(Math.ceil(seconds));
    await pool.end();
  });
});

describe('a server that takes its leave of one connection', () => {
  it('F5: fails its query by name, and the others leave before their next use', async () => {
    const { pool, options, closed, leases } = await leased();
    const [victim] = leases;
    const pids = async () => {
      const rows = await database.query<{ pid: number }>(
        'select pid from pg_stat_activity where application_name = $1',
        [options.applicationName],
      );
      return rows.map(({ pid }) => pid);
    };
    const before = await pids();
    const query = failureOf(victim.query('select pg_sleep(60)'));

    await database.query('select pg_terminate_backend($1)', [pidOf(victim)]);

    expect(await query).toMatchObject({
      code: 'DB_CONNECTION_LOST',
      details: { sqlState: '57P01' },
    });
    for (const lease of leases) {
      lease.release();
    }
    await expect.poll(async () => (await pids()).filter((pid) => before.includes(pid))).toEqual([]);
    await expect.poll(() => pool.stats()).toMatchObject({ used: 0, idle: SLOTS, connecting: 0 });
    expect(closed.filter((reason) => reason === 'broken')).toHaveLength(1);
    expect(new Set(closed)).toEqual(new Set(['broken', 'failover']));
  });
});
