import { describe, expect, it } from 'vitest';
import {
  type AcquireEnded,
  type ConnectionFailed,
  composeObservers,
  type LeaseReclaimed,
  type QueryEnded,
} from '#database/database-observer.ts';
import { captureStack } from '#database/pool/holder-stack.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { createDatabaseLog } from '#telemetry/database-log.ts';
import { createLogger } from '#telemetry/logger.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';

/** `scope`: of the request that a socket or timer happened to be made in. */
function subject({
  poolStats = () => [],
  scope,
}: {
  poolStats?: () => readonly PoolStats[];
  scope?: Record<string, string>;
} = {}) {
  const lines: Record<string, unknown>[] = [];
  const clock = { now: 0 };
  const logger = createLogger(
    { level: 'debug', format: 'json', scope: () => scope },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  const log = createDatabaseLog(logger, {
    poolStats,
    slowQueryMs: 200,
    tables: ['users', 'teams'],
    now: () => clock.now,
  });
  return { lines, clock, log };
}

const refused: ConnectionFailed = {
  pool: 'main',
  code: 'DB_CONNECT_REFUSED',
  host: 'db',
  port: 5432,
  message: 'connection refused: is PostgreSQL running at db:5432?',
};

const lease = {
  pool: 'main',
  holder: 'GET /users/:id',
  scope: { traceId: 'b'.repeat(32) },
  heldMs: 12_345.6,
};
const reclaimed: LeaseReclaimed = { ...lease, reason: 'end', pid: 7 };
const missed: AcquireEnded = {
  pool: 'main',
  holder: 'GET /users',
  scope: { traceId: 'a'.repeat(32) },
  outcome: 'timeout',
  waitedMs: 2000.4,
};
const slow: QueryEnded = {
  pool: 'main',
  server: { host: '127.0.0.1', port: 5432, database: 'tidegauge' },
  holder: 'GET /users',
  scope: { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) },
  text: "select * from users where email = 'ada@example.com' and id = 42 -- mine",
  operation: 'SELECT',
  collection: 'users',
  durationMs: 350.4,
  code: undefined,
  isStream: false,
  sqlState: undefined,
};

describe('the line of a slow statement', () => {
  it('says whose it was, what it did and its SQL, without a value', () => {
    const { log, lines } = subject();

    log.queryEnded?.(slow);

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        event: 'db.query.slow',
        pool: 'main',
        holder: 'GET /users',
        trace_id: 'c'.repeat(32),
        span_id: 'd'.repeat(16),
        duration_ms: 350,
        query: 'SELECT users',
        sql: expect.stringMatching(/^select \* from users where email = \? and id = \?\s*$/),
        suppressed: 0,
      }),
    ]);
  });

  it('names the code of one that failed', () => {
    const { log, lines } = subject();

    log.queryEnded?.({ ...slow, code: 'DB_QUERY_TIMEOUT', sqlState: '57014' });

    expect(lines).toMatchObject([{ code: 'DB_QUERY_TIMEOUT' }]);
  });

  it('is not written of one that took no longer than the threshold', () => {
    const { log, lines } = subject();

    log.queryEnded?.({ ...slow, durationMs: 200 });

    expect(lines).toEqual([]);
  });

  it('comes once in 30 s for each operation and table, with the count of those left out', () => {
    const { log, lines, clock } = subject();

    for (let at = 0; at < 100; at += 1) {
      log.queryEnded?.(slow);
      log.queryEnded?.({ ...slow, operation: 'INSERT', collection: `table_${at}` });
      log.queryEnded?.({ ...slow, operation: 'INSERT', collection: 'teams' });
    }
    clock.now = 30_000;
    log.queryEnded?.(slow);

    expect(lines.map(({ query, suppressed }) => [query, suppressed])).toEqual([
      ['SELECT users', 0],
      ['INSERT table_0', 0],
      ['INSERT teams', 0],
      ['SELECT users', 99],
    ]);
  });

  it('has no listener where it is off, so that nobody is told of statements', () => {
    const logger = createLogger({ level: 'debug', format: 'json' }, { write: () => undefined });

    expect(createDatabaseLog(logger, { slowQueryMs: 0 }).queryEnded).toBeUndefined();
  });
});

describe('the log of the database', () => {
  it('says once where connecting failed, with code, host, port and what to check', () => {
    const { log, lines } = subject();

    log.connectionFailed?.(refused);

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        event: 'db.connect.failed',
        pool: 'main',
        code: 'DB_CONNECT_REFUSED',
        host: 'db',
        port: 5432,
        reason: refused.message,
        suppressed: 0,
      }),
    ]);
  });

  it('writes a storm of failures as one line every 30 s, with the count of the others', () => {
    const { log, lines, clock } = subject();

    for (let attempt = 0; attempt <= 3000; attempt += 1) {
      clock.now = attempt * 20;
      log.connectionFailed?.(refused);
    }

    expect(lines.map(({ suppressed }) => suppressed)).toEqual([0, 1499, 1499]);
  });

  it('writes another code and another pool at once', () => {
    const { log, lines } = subject();

    log.connectionFailed?.(refused);
    log.connectionFailed?.({ ...refused, code: 'DB_AUTH_FAILED' });
    log.connectionFailed?.({ ...refused, pool: 'replica' });
    log.connectionFailed?.(refused);

    expect(lines).toHaveLength(3);
  });

  it.each([
    ['down', 'error'],
    ['read_only', 'error'],
    ['migrations_pending', 'error'],
    ['saturated', 'info'],
    ['up', 'info'],
  ])('writes that health turned to %s as %s', (to, level) => {
    const { log, lines } = subject();

    log.verdictChanged?.({ pool: 'main', from: 'starting', to, code: undefined, message: 'why' });

    expect(lines).toEqual([
      expect.objectContaining({ level, event: 'db.health.changed', from: 'starting', to }),
    ]);
  });

  it('writes connections that open and close for those who debug', () => {
    const { log, lines } = subject();

    log.connectionOpened?.({ pool: 'main', pid: 7, durationMs: 3 });
    log.connectionClosed?.({ pool: 'main', pid: 7, reason: 'lifetime', ageMs: 90 });

    expect(lines).toEqual([
      expect.objectContaining({ level: 'debug', event: 'db.connection.opened', pid: 7 }),
      expect.objectContaining({
        level: 'debug',
        event: 'db.connection.closed',
        pid: 7,
        reason: 'lifetime',
      }),
    ]);
  });
});

describe('the log of leases', () => {
  it('says once who holds a connection for too long, since when and where it was leased', () => {
    const { log, lines } = subject();
    const frames = '    at listUsers (file:///app/src/users.ts:3:5)';

    log.leaseLeaked?.({ ...lease, pid: 7, stack: `Error: secret of Ada\n${frames}` });

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        event: 'db.pool.leak',
        pool: 'main',
        holder: 'GET /users/:id',
        trace_id: lease.scope.traceId,
        pid: 7,
        held_ms: 12_346,
        stack: frames,
      }),
    ]);
    expect(JSON.stringify(lines)).not.toContain('Ada');
  });

  it('shows where it was leased as GET /pool does', () => {
    const { log, lines } = subject();
    const { text } = captureStack();

    log.leaseLeaked?.({ ...lease, pid: 7, stack: text });

    expect(text).toContain('test/unit/telemetry/database-log.test.ts');
    expect(lines).toMatchObject([{ event: 'db.pool.leak', stack: text }]);
  });

  it('leaves out the stack of a leak where none was taken', () => {
    const { log, lines } = subject();

    log.leaseLeaked?.({ ...lease, pid: undefined, stack: undefined });

    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toHaveProperty('stack');
  });

  it('says that a leaked connection came back', () => {
    const { log, lines } = subject();

    log.leakReturned?.({ ...lease, pid: 7 });

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'info',
        event: 'db.pool.leak_returned',
        holder: 'GET /users/:id',
        trace_id: lease.scope.traceId,
        pid: 7,
        held_ms: 12_346,
      }),
    ]);
  });

  it('writes all connections that a killed server takes away as one line', () => {
    const { log, lines, clock } = subject();

    for (let pid = 1; pid <= 15; pid += 1) {
      log.leaseReclaimed?.({ ...reclaimed, pid });
    }
    clock.now = 30_000;
    log.leaseReclaimed?.({ ...reclaimed, pid: 99 });

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        event: 'db.pool.reclaimed',
        pool: 'main',
        reason: 'end',
        holder: 'GET /users/:id',
        trace_id: lease.scope.traceId,
        pid: 1,
        held_ms: 12_346,
        suppressed: 0,
      }),
      expect.objectContaining({ event: 'db.pool.reclaimed', pid: 99, suppressed: 14 }),
    ]);
  });

  it('writes another reason and another pool at once', () => {
    const { log, lines } = subject();

    log.leaseReclaimed?.(reclaimed);
    log.leaseReclaimed?.({ ...reclaimed, reason: 'timeout' });
    log.leaseReclaimed?.({ ...reclaimed, pool: 'reports' });

    expect(lines).toHaveLength(3);
  });
});

describe('the log of an exhausted pool', () => {
  it('says who got no connection, and what the pool was doing', () => {
    const { log, lines } = subject({
      poolStats: () => [
        poolStatsOf({ name: 'reports' }),
        poolStatsOf({ used: 15, idle: 0, connecting: 0, waiting: 43, oldestUseMs: 9000.7 }),
      ],
    });

    log.acquireEnded?.(missed);

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        event: 'db.pool.exhausted',
        pool: 'main',
        outcome: 'timeout',
        holder: 'GET /users',
        trace_id: missed.scope?.traceId,
        waited_ms: 2000,
        used: 15,
        idle: 0,
        connecting: 0,
        waiting: 43,
        max: 15,
        oldest_use_ms: 9001,
        suppressed: 0,
      }),
    ]);
  });

  it('is one line for 20,000 who are refused at once, and one for those who waited in vain', () => {
    const { log, lines, clock } = subject();

    for (let at = 0; at < 20_000; at += 1) {
      log.acquireEnded?.({ ...missed, outcome: 'refused', waitedMs: 0 });
    }
    log.acquireEnded?.(missed);
    clock.now = 30_000;
    log.acquireEnded?.({ ...missed, outcome: 'refused', waitedMs: 0 });

    expect(lines.map(({ outcome, suppressed }) => [outcome, suppressed])).toEqual([
      ['refused', 0],
      ['timeout', 0],
      ['refused', 19_999],
    ]);
  });

  it.each(['reused', 'new', 'queued', 'error'] as const)(
    'has no line for a borrower whose outcome is %s',
    (outcome) => {
      const { log, lines } = subject();

      log.acquireEnded?.({ ...missed, outcome });

      expect(lines).toEqual([]);
    },
  );

  it('is written without figures when they cannot be read, or are not the pool’s', () => {
    const fail = () => {
      throw new Error('closed');
    };
    const unread = subject({ poolStats: fail });
    const unknown = subject({ poolStats: () => [poolStatsOf({ name: 'reports' })] });

    unread.log.acquireEnded?.(missed);
    unknown.log.acquireEnded?.(missed);

    expect([...unread.lines, ...unknown.lines]).toEqual([
      expect.not.objectContaining({ used: expect.anything() }),
      expect.not.objectContaining({ used: expect.anything() }),
    ]);
  });
});

describe('the log of pings, cancels and retries', () => {
  it('writes failed pings of a pool as one line', () => {
    const { log, lines } = subject();

    for (const outcome of ['ok', 'failed', 'failed'] as const) {
      log.pingEnded?.({ pool: 'main', pid: 7, outcome, durationMs: 500.2 });
    }

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'info',
        event: 'db.ping.failed',
        pool: 'main',
        pid: 7,
        duration_ms: 500,
        suppressed: 0,
      }),
    ]);
  });

  it('writes why the figures of the server are missing, as one line per code', () => {
    const { log, lines } = subject({ scope: { request_id: 'other', trace_id: 'other' } });

    for (const code of ['DB_PERMISSION', 'DB_PERMISSION', 'DB_QUERY_TIMEOUT'] as const) {
      log.figuresFailed?.({ pool: 'main', code, message: 'permission denied' });
    }

    const line = { level: 'warn', event: 'db.figures.failed', pool: 'main', suppressed: 0 };
    expect(lines).toMatchObject([
      { ...line, code: 'DB_PERMISSION', reason: 'permission denied' },
      { ...line, code: 'DB_QUERY_TIMEOUT' },
    ]);
    expect(lines[0]).not.toHaveProperty('request_id');
  });

  it('writes that the CPU and memory of the server cannot be had, and what to do', () => {
    const { log, lines } = subject({ scope: { request_id: 'other', trace_id: 'other' } });

    log.hostFiguresMissing?.({ pool: 'main', fault: 'not_provisioned', advice: 'provision it' });

    expect(lines).toMatchObject([
      {
        level: 'warn',
        event: 'db.host_figures.missing',
        pool: 'main',
        fault: 'not_provisioned',
        advice: 'provision it',
      },
    ]);
    expect(lines[0]).not.toHaveProperty('request_id');
  });

  it('writes cancelled statements for those who debug', () => {
    const { log, lines } = subject();

    log.queryCancelled?.({ pool: 'main', holder: 'GET /users', scope: missed.scope });

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'debug',
        event: 'db.query.cancelled',
        pool: 'main',
        holder: 'GET /users',
        trace_id: missed.scope?.traceId,
      }),
    ]);
  });

  it.each([
    ['retried', 'debug', 3],
    ['succeeded', 'debug', 3],
    ['given_up', 'info', 1],
    ['budget', 'info', 1],
  ] as const)('writes three sessions %s as %s, in %i lines', (outcome, level, count) => {
    const { log, lines } = subject();

    for (let at = 0; at < 3; at += 1) {
      log.sessionRetried?.({ pool: 'main', session: 'POST /teams', outcome });
    }

    const line = expect.objectContaining({
      level,
      event: 'db.session.retried',
      pool: 'main',
      session: 'POST /teams',
      outcome,
    });
    expect(lines).toEqual(Array.from({ length: count }, () => line));
  });
});

describe('a line of the pool', () => {
  it('names the trace of the holder, and never the request its socket was opened in', () => {
    const { log, lines } = subject({ scope: { request_id: 'other', trace_id: 'other' } });

    log.leaseLeaked?.({ ...lease, pid: 7, stack: undefined });
    log.leaseReclaimed?.({ ...reclaimed, scope: undefined });
    log.queryCancelled?.({ pool: 'main', holder: 'seed', scope: undefined });
    log.pingEnded?.({ pool: 'main', pid: 7, outcome: 'failed', durationMs: 1 });
    log.connectionOpened?.({ pool: 'main', pid: 7, durationMs: 1 });
    log.connectionClosed?.({ pool: 'main', pid: 7, reason: 'idle', ageMs: 1 });
    log.connectionFailed?.(refused);

    expect(lines.map((line) => [line['trace_id'], line['request_id']])).toEqual([
      [lease.scope.traceId, undefined],
      ...Array.from({ length: 6 }, () => [undefined, undefined]),
    ]);
  });

  it('is written though another listener throws', () => {
    const { log, lines } = subject();
    const fail = () => {
      throw new Error('no');
    };
    const observer = composeObservers([{ leaseReclaimed: fail, acquireEnded: fail }, log]);

    observer.leaseReclaimed?.(reclaimed);
    observer.acquireEnded?.(missed);

    expect(lines.map(({ event }) => event)).toEqual(['db.pool.reclaimed', 'db.pool.exhausted']);
  });

  it('that cannot be written disturbs nobody', () => {
    const counted: string[] = [];
    const broken = createDatabaseLog(
      createLogger(
        { level: 'debug', format: 'json' },
        {
          write() {
            throw new Error('disk full');
          },
        },
      ),
    );
    const observer = composeObservers([
      broken,
      { leaseReclaimed: ({ holder }) => counted.push(holder) },
    ]);

    observer.leaseReclaimed?.(reclaimed);

    expect(counted).toEqual([lease.holder]);
  });
});
