import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { poolReport } from '#database/pool/pool-report.ts';
import type { PoolInputs } from '#database/pool/pool-report.ts';
import type { HolderStats } from '#database/pool/pool-stats.ts';
import type { ActivityReport, ServerSession } from '#database/server/session-activity.ts';

const stats: PoolInputs['stats'] = {
  name: 'main',
  max: 8,
  size: 3,
  idle: 2,
  used: 1,
  connecting: 0,
  waiting: 0,
  total: 3,
  oldestWaitMs: 0,
  oldestUseMs: 20.4,
  leaked: 0,
  prepared: 4,
  usedSeconds: 12,
  exhaustedSeconds: 3,
  certificatesExpireAt: 1_900_000_000_000,
};

function holder(overrides: Partial<HolderStats> = {}): HolderStats {
  return {
    name: 'GET /users',
    traceId: 'f00d',
    heldMs: 20.4,
    pid: 101,
    transaction: 'open',
    lastQuery: 'SELECT users',
    queryMs: undefined,
    isLeaked: false,
    stack: undefined,
    ...overrides,
  };
}

const session: ServerSession = {
  state: 'active',
  waitEventType: undefined,
  waitEvent: undefined,
  blockedBy: [],
  queryMs: 300,
  transactionMs: 310,
};

function given(sessions: Readonly<Record<number, Partial<ServerSession>>>): ActivityReport {
  const entries = Object.entries(sessions);
  return {
    answer: 'given',
    sessions: new Map(entries.map(([pid, facts]) => [Number(pid), { ...session, ...facts }])),
  };
}

function report(overrides: Partial<PoolInputs> = {}): ReturnType<typeof poolReport> {
  return poolReport({
    stats,
    holders: [holder()],
    waiters: [],
    gate: { mayTry: true, cause: undefined },
    probe: { state: 'up', code: undefined, message: 'the database answers' },
    activity: { answer: 'not asked' },
    ...overrides,
  });
}

const refused = new DatabaseError('DB_CONNECT_REFUSED', 'nobody listens at db:5432', { port: 1 });
const down = { state: 'down', code: 'DB_CONNECT_REFUSED', message: 'nobody listens' } as const;
const leak = holder({ name: 'POST /leak', pid: 102, heldMs: 12_000, isLeaked: true });
const slow = holder({ name: 'GET /slow', pid: 103, heldMs: 900, queryMs: 850.4 });
const full = { ...stats, idle: 0, used: 8, waiting: 5, oldestWaitMs: 123.4 };

describe('the report of a pool', () => {
  it('has the counts, the holders, the waiters, and nothing that metrics alone have', () => {
    const waiters = [{ name: 'GET /teams', traceId: undefined, waitedMs: 11.6 }];

    expect(report({ waiters })).toEqual({
      pool: 'main',
      verdict: 'healthy',
      reason: '1 of 8 connections are in use, nobody waits',
      max: 8,
      size: 3,
      idle: 2,
      used: 1,
      connecting: 0,
      waiting: 0,
      total: 3,
      leaked: 0,
      oldestWaitMs: 0,
      oldestUseMs: 20,
      holders: [holder({ heldMs: 20 })],
      waiters: [{ name: 'GET /teams', traceId: undefined, waitedMs: 12 }],
      connect: { mayTry: true },
      server: { answer: 'not asked' },
    });
  });

  it('has the holders with the longest held first, each with what the server says of it', () => {
    const holders = [holder(), holder({ pid: 104, heldMs: 400 }), holder({ pid: undefined })];

    const { holders: reported, server } = report({ holders, activity: given({ 104: {} }) });

    expect(reported.map(({ pid, server: facts }) => [pid, facts])).toEqual([
      [104, session],
      [101, undefined],
      [undefined, undefined],
    ]);
    expect(server).toEqual({ answer: 'given' });
  });

  it('says why the server told nothing', () => {
    expect(report({ activity: { answer: 'failed', error: refused } }).server).toEqual({
      answer: 'failed',
      error: { code: 'DB_CONNECT_REFUSED', message: 'nobody listens at db:5432' },
    });
  });

  it('says why connecting failed last, in words only', () => {
    expect(report({ gate: { mayTry: false, cause: refused } }).connect).toEqual({
      mayTry: false,
      lastError: { code: 'DB_CONNECT_REFUSED', message: 'nobody listens at db:5432' },
    });
  });
});

describe('the verdict', () => {
  it.each([
    [
      'database down',
      'the probe says so, whatever else is wrong',
      { probe: down, stats: full, holders: [leak, slow] },
      'nobody listens',
    ],
    [
      'database down',
      'nothing is open and the last attempt failed',
      {
        gate: { mayTry: false, cause: refused },
        stats: { ...stats, idle: 0, used: 0, total: 0 },
        holders: [],
      },
      'no connection is open and none can be opened: nobody listens at db:5432',
    ],
    [
      'leaking',
      'a lease is held beyond the threshold, though statements are slow and others wait',
      { stats: full, holders: [slow, leak] },
      'POST /leak (pid 102) has held a connection for 12000 ms; its stack says where it was leased',
    ],
    [
      'leaking',
      'several are, the longest told',
      { holders: [leak, { ...leak, heldMs: 11_000, pid: 105 }, { ...leak, heldMs: 99_000 }] },
      'POST /leak (pid 102) has held a connection for 99000 ms, and 2 more leak; its stack says where it was leased',
    ],
    [
      'database slow',
      'a statement has been running for more than 200 ms, the longest told',
      { holders: [holder({ queryMs: 201 }), slow, holder({ queryMs: 700 })] },
      'SELECT users of GET /slow (pid 103) has been running for 850 ms',
    ],
    [
      'database slow',
      'statements fill the pool, which is told as well',
      { stats: full, holders: [slow] },
      'SELECT users of GET /slow (pid 103) has been running for 850 ms; all 8 connections are in use and 5 borrowers wait, the first for 123 ms',
    ],
    [
      'saturated',
      'all connections are in use and somebody waits',
      { stats: { ...full, waiting: 1 }, holders: [holder({ queryMs: 200 })] },
      'all 8 connections are in use and 1 borrower waits, the first for 123 ms',
    ],
    [
      'saturated',
      'somebody waits and no further connection can be opened',
      {
        gate: { mayTry: false, cause: refused },
        stats: { ...stats, idle: 0, used: 3, waiting: 2, oldestWaitMs: 123.4 },
      },
      '3 of 8 connections are in use, no further one can be opened (nobody listens at db:5432) and 2 borrowers wait, the first for 123 ms',
    ],
    [
      'database slow',
      'somebody waits for more than 200 ms for a connection that is being opened or verified',
      { stats: { ...stats, connecting: 1, waiting: 2, oldestWaitMs: 678 } },
      '2 borrowers wait for a connection that is being opened or verified, the first for 678 ms',
    ],
    [
      'healthy',
      'somebody waits for a moment for a connection that is being opened',
      { stats: { ...stats, connecting: 1, waiting: 1, oldestWaitMs: 200 } },
      '1 of 8 connections are in use, 1 borrower waits for a connection that is being opened or verified',
    ],
    [
      'healthy',
      'connecting fails while connections are left',
      { gate: { mayTry: true, cause: refused } },
      '1 of 8 connections are in use, nobody waits',
    ],
  ] as const)('is %s when %s', (verdict, _when, inputs, reason) => {
    expect(report(inputs)).toMatchObject({ verdict, reason });
  });

  it.each([
    [{ waitEventType: 'IO', waitEvent: 'DataFileRead' }, ', waiting for IO/DataFileRead'],
    [
      { waitEventType: 'Lock', waitEvent: 'transactionid', blockedBy: [101, 999] },
      ', blocked by GET /users (pid 101), pid 999',
    ],
    [{}, ''],
  ] as const)('tells what a slow statement waits for: %j', (facts, words) => {
    const { reason } = report({ holders: [holder(), slow], activity: given({ 103: facts }) });

    expect(reason).toBe(`SELECT users of GET /slow (pid 103) has been running for 850 ms${words}`);
  });
});
