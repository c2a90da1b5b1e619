import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BoundCursor } from '#database/bound-cursor.ts';
import type { ConnectionPoolParts, PoolOptions } from '#database/pool/connection-pool.ts';
import type { LeasedClient } from '#database/pool/leased-client.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { failureOf } from '#test/support/failure-of.ts';
import type { ProtocolMessage } from '#test/support/protocol-reader.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { TestPools } from '#test/support/test-pools.ts';

const SLOTS = 3;
const CUTS = 10;
/** A lease that is lost makes a close wait for all of it. */
const GRACE_MS = 20_000;

let database: TestDatabase;
let proxy: TcpProxy;
const pools = new TestPools();

beforeAll(async () => {
  database = await TestDatabase.create({ empty: true });
  await database.query('create table writes (n int not null)');
});

beforeEach(async () => {
  proxy = await TcpProxy.start(database.address, { isPostgres: true });
});

afterEach(async () => {
  await pools.closeAll();
  await proxy.close();
});

afterAll(async () => {
  await database.drop();
});

type Matches = (message: ProtocolMessage) => boolean;

const sent =
  (pattern: RegExp): Matches =>
  ({ from, text }) =>
    from === 'client' && pattern.test(text);

const CUT_AT: readonly (readonly [point: string, Matches])[] = [
  ['begin', sent(/^(begin|start transaction)/)],
  ['the first statement', sent(/^insert/)],
  ['before commit', sent(/^commit/)],
  ['after commit', ({ from, text }) => from === 'server' && text === 'COMMIT'],
];

const throughProxy = () => ({ ...database.connection, port: proxy.port });

describe('a connection that is cut in a transaction', () => {
  it.each(CUT_AT)('F1: at %s costs its session, and no slot', async (_point, isCut) => {
    const sessions = new DatabaseSessionManager();
    await sessions.init({
      ...database.options({ poolSize: SLOTS, maxOverflow: 0 }),
      connection: throughProxy(),
    });
    const write = () => sessions.session((db) => db.execute('insert into writes values (?)', [1]));
    await write();
    const codes: string[] = [];

    for (let cuts = 0; cuts < CUTS; cuts += 1) {
      const cut = proxy.cutAt(isCut);
      codes.push((await failureOf(write())).code);
      await cut;
    }
    await Promise.all(Array.from({ length: SLOTS * 4 }, write));

    expect(codes).toHaveLength(CUTS);
    expect(codes.filter((code) => !/^DB_(CONNECTION_LOST|COMMIT_UNKNOWN)$/.test(code))).toEqual([]);
    await expect
      .poll(() => sessions.stats())
      .toMatchObject({ used: 0, waiting: 0, connecting: 0, idle: SLOTS });
    const closingAt = performance.now();
    await sessions.close(GRACE_MS);
    expect(performance.now() - closingAt).toBeLessThan(GRACE_MS / 2);
  });

  it.each(CUT_AT)(
    'F1: at %s is no longer its holder’s, who never gives it back',
    async (_point, isCut) => {
      const { pool, closed } = await poolAfterCuts(isCut, CUTS);

      const leases = await Promise.all(Array.from({ length: SLOTS }, () => pool.connect()));

      expect(pool.stats()).toMatchObject({ used: SLOTS, idle: 0, total: SLOTS });
      expect(closed).toEqual(Array.from({ length: CUTS }, () => 'broken'));
      for (const lease of leases) {
        lease.release();
      }
      const closingAt = performance.now();
      await pool.end(GRACE_MS);
      expect(performance.now() - closingAt).toBeLessThan(GRACE_MS / 2);
    },
  );

  it('F1: at the last word on a stream fails its reader, too', async () => {
    const { pool, closed } = pools.open(database, { connection: throughProxy() });
    const lease = await pool.connect();
    const cursor = lease.query(new BoundCursor('select generate_series(1, 3)', []));
    // pg-cursor takes the stream for done when the server has counted its rows.
    const cut = proxy.cutAt(({ from, type }) => from === 'server' && type === 'Z');

    expect(await failureOf(cursor.read(10))).toMatchObject({ code: 'DB_CONNECTION_LOST' });

    await cut;
    await cursor.close();
    lease.release();
    expect(pool.stats()).toMatchObject({ used: 0, total: 0 });
    expect(closed).toEqual(['broken']);
  });

  it('F1 control: without the guard the fourth borrower waits for ever', async () => {
    const { pool, lost } = await poolAfterCuts(sent(/^commit/), SLOTS, {
      acquireTimeoutMs: 500,
      connectTimeoutMs: 200,
      parts: withoutGuard,
    });

    expect(await failureOf(pool.connect())).toMatchObject({ code: 'DB_POOL_TIMEOUT' });

    expect(pool.stats()).toMatchObject({ used: SLOTS, idle: 0 });
    for (const lease of lost) {
      lease.release();
    }
  });
});

/** A pool whose borrowers, one after the other, were cut and never gave their connection back, as kysely did until 0.29.9. */
async function poolAfterCuts(
  isCut: Matches,
  cuts: number,
  options: Parameters<TestPools['open']>[1] = {},
) {
  const { pool, closed } = pools.open(database, {
    poolSize: SLOTS,
    connection: throughProxy(),
    ...options,
  });
  const lost: LeasedClient[] = [];
  while (lost.length < cuts) {
    const cut = proxy.cutAt(isCut);
    const lease = await pool.connect();
    lost.push(lease);
    const failure = await failureOf(
      (async () => {
        await lease.query('begin');
        await lease.query('insert into writes values ($1)', [1]);
        await lease.query('commit');
      })(),
    );
    expect(failure).toMatchObject({ code: 'DB_CONNECTION_LOST' });
    await cut;
  }
  return { pool, closed, lost };
}

/** Nobody is told that a connection has died. */
function withoutGuard(options: PoolOptions): ConnectionPoolParts {
  return {
    open: (told) => PooledConnection.open(options, { ...told, onBroken: () => undefined }),
  };
}

/** What a holder does before it gives its connection back, in which state ever. */
interface Conduct {
  readonly statements: readonly string[];
  /** Under way when it leaves. */
  readonly last?: string | undefined;
  /** Half read when it leaves. */
  readonly isStreaming?: boolean;
}

const statement = fc.constantFrom(
  'begin',
  'start transaction read only',
  'select 1; begin',
  'begin; select 1 / 0',
  'savepoint here',
  'rollback to here',
  'select 1',
  'select 1 / 0',
  'select nothing',
  'commit',
  'rollback',
  'commit; begin',
  'commit and chain',
  'rollback and chain',
);
const conducts = fc.array(
  fc.record({
    statements: fc.array(statement, { maxLength: 4 }),
    last: fc.option(statement, { nil: undefined }),
    isStreaming: fc.boolean(),
  }),
  { minLength: 20, maxLength: 20 },
);
const INTERLEAVINGS = 25;

/** In which state each borrower of a pool of two finds its connection, as the server tells. */
async function statesFound(
  all: readonly Conduct[],
  parts?: (options: PoolOptions) => ConnectionPoolParts,
): Promise<(string | undefined)[]> {
  const { pool } = pools.open(database, parts === undefined ? {} : { parts });
  const states = await Promise.all(
    all.map(async ({ statements, last, isStreaming }) => {
      const lease = await pool.connect();
      const state = await stateOf(lease);
      for (const text of statements) {
        await lease.query(text).catch(() => undefined);
      }
      const underWay = [
        ...(isStreaming === true ? [lease.query(new BoundCursor(SERIES, [])).read(2)] : []),
        ...(last === undefined ? [] : [lease.query(last)]),
      ];
      void Promise.allSettled(underWay);
      lease.release();
      return state;
    }),
  );
  await pool.end();
  return states;
}

const SERIES = 'select generate_series(1, 9)';

/** `I` outside of a transaction: there a statement is one of its own, and as old. `T` in one, `E` in one that failed. */
async function stateOf(lease: LeasedClient): Promise<string | undefined> {
  const text = `select case when now() = statement_timestamp() then 'I' else 'T' end as state`;
  try {
    return (await lease.query<{ state: string }>(text)).rows[0]?.state;
  } catch {
    return 'E';
  }
}

describe('a borrower', () => {
  it('F13: never begins in the transaction of another, whatever that one left behind', async () => {
    await fc.assert(
      fc.asyncProperty(conducts, async (all) => {
        expect(await statesFound(all)).toEqual(all.map(() => 'I'));
      }),
      { numRuns: INTERLEAVINGS },
    );
  });

  it.each([
    ['T', ['begin']],
    ['E', ['begin', 'select 1 / 0']],
  ])('F13 control: begins in %s when nobody looks at the return', async (state, statements) => {
    const unseen = (options: PoolOptions): ConnectionPoolParts => ({
      open: async (told) =>
        Object.defineProperty(await PooledConnection.open(options, told), 'isQuiet', {
          value: true,
        }),
    });
    const nothing = { statements: [] };

    const states = await statesFound([{ statements }, { statements }, nothing, nothing], unseen);

    expect(new Set(states)).toEqual(new Set(['I', state]));
  });
});
