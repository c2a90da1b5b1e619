import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import {
  ACQUIRE_OUTCOMES,
  composeObservers,
  PING_OUTCOMES,
  RECLAIM_REASONS,
  RETIRE_REASONS,
} from '#database/database-observer.ts';
import { connectFailureReason } from '#telemetry/metric-labels.ts';
import { databaseScrape } from '#test/support/database-scrape.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';

const POOL = 'db_client_connection_pool_name';
const GAUGES = [
  'db_client_connection_count',
  'db_client_connection_max',
  'db_client_connection_idle_min',
  'db_client_connection_idle_max',
  'db_client_connection_pending_requests',
  'db_client_connection_oldest_pending_seconds',
  'db_client_connection_oldest_use_seconds',
];

const zeros = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 0]));
const lease = { pool: 'main', holder: 'GET /users', scope: undefined, heldMs: 40 };
const acquire = { pool: 'main', holder: 'GET /users', scope: undefined, waitedMs: 20 };

describe('gauges of a pool', () => {
  it('are read from its snapshot at every scrape', async () => {
    let stats = poolStatsOf();
    const { value, values } = databaseScrape(() => [stats]);

    expect(await values('db_client_connection_count', 'db_client_connection_state')).toEqual({
      idle: 3,
      used: 2,
      connecting: 1,
    });
    expect(await value('db_client_connection_max')).toBe(15);
    expect(await value('db_client_connection_idle_min')).toBe(5);
    expect(await value('db_client_connection_idle_max')).toBe(15);
    expect(await value('db_client_connection_pending_requests')).toBe(7);
    expect(await value('db_client_connection_oldest_pending_seconds')).toBe(0.25);
    expect(await value('db_client_connection_oldest_use_seconds')).toBe(1.5);

    stats = poolStatsOf({ waiting: 0, oldestWaitMs: 0 });
    expect(await value('db_client_connection_pending_requests')).toBe(0);
    expect(await value('db_client_connection_oldest_pending_seconds')).toBe(0);
  });

  it('say how long certificates last, of pools with TLS alone, and go below zero', async () => {
    const inHours = (hours: number) => Date.now() + hours * 3_600_000;
    const { values } = databaseScrape(() => [
      poolStatsOf(),
      poolStatsOf({ name: 'reports', certificatesExpireAt: inHours(24) }),
      poolStatsOf({ name: 'replica-1', certificatesExpireAt: inHours(-1) }),
    ]);

    const left = await values('db_tls_certificate_expiry_seconds', POOL);

    const hours = Object.entries(left).map(([pool, s]) => [pool, Math.round(Number(s) / 3600)]);
    expect(Object.fromEntries(hours)).toEqual({ reports: 24, 'replica-1': -1 });
  });

  it('are there for each pool', async () => {
    const { values } = databaseScrape(() => [
      poolStatsOf(),
      poolStatsOf({ name: 'reports', max: 3 }),
    ]);

    expect(await values('db_client_connection_max', POOL)).toEqual({ main: 15, reports: 3 });
  });

  it('vanish with a pool that is closed, whose counters stay', async () => {
    let all = [poolStatsOf({ usedSeconds: 4 }), poolStatsOf({ name: 'reports', usedSeconds: 5 })];
    const { observer, read, values } = databaseScrape(() => all);
    observer.leaseLeaked?.({ ...lease, pool: 'reports', pid: 1, stack: undefined });
    await read('');

    all = [poolStatsOf({ usedSeconds: 6 })];

    const poolsOf = async (name: string) => (await read(name)).map(({ labels }) => labels[POOL]);
    const named = await Promise.all(GAUGES.map(poolsOf));
    expect(new Set(named.flat())).toEqual(new Set(['main']));
    expect(await values('db_client_connection_leaks_total', POOL)).toEqual({ main: 0, reports: 1 });
    expect(await values('db_client_connection_used_seconds_total', POOL)).toEqual({
      main: 6,
      reports: 5,
    });
  });

  it('are none for a pool that only events know; its counters are there', async () => {
    const { observer, read, values } = databaseScrape(() => []);

    observer.connectionOpened?.({ pool: 'tests', pid: 1, durationMs: 2 });

    expect(await values('db_client_connection_opened_total', POOL)).toEqual({ tests: 1 });
    expect(await values('db_client_connection_closed_total', 'reason')).toEqual(
      zeros(RETIRE_REASONS),
    );
    expect((await Promise.all(GAUGES.map(read))).flat()).toEqual([]);
  });
});

describe('counters of a pool', () => {
  it('are born at 0 with every child there can be, before anything has happened', async () => {
    const { render, values } = databaseScrape();

    expect(await values('db_client_connection_closed_total', 'reason')).toEqual(
      zeros(RETIRE_REASONS),
    );
    expect(await values('db_client_connection_failures_total', 'reason')).toEqual(
      zeros(['refused', 'timeout', 'dns', 'auth', 'tls', 'too_many', 'unavailable', 'other']),
    );
    expect(await values('db_client_connection_pings_total', 'outcome')).toEqual(
      zeros(PING_OUTCOMES),
    );
    expect(await values('db_client_connection_reclaimed_total', 'reason')).toEqual(
      zeros(RECLAIM_REASONS),
    );
    expect(await values('db_client_connection_wait_time_seconds_count', 'outcome')).toEqual(
      zeros(ACQUIRE_OUTCOMES),
    );
    expect((await render()).split('\n')).toEqual(
      expect.arrayContaining([
        'db_client_connection_opened_total{db_client_connection_pool_name="main"} 0',
        'db_client_connection_timeouts_total{db_client_connection_pool_name="main"} 0',
        'db_client_connection_rejections_total{db_client_connection_pool_name="main"} 0',
        'db_client_connection_leaks_total{db_client_connection_pool_name="main"} 0',
        'db_client_connection_used_seconds_total{db_client_connection_pool_name="main"} 0',
        'db_client_connection_exhausted_seconds_total{db_client_connection_pool_name="main"} 0',
        'db_client_connection_create_time_seconds_count{db_client_connection_pool_name="main"} 0',
        'db_client_connection_use_time_seconds_count{db_client_connection_pool_name="main"} 0',
        'db_client_connection_use_time_seconds_bucket{le="+Inf",db_client_connection_pool_name="main"} 0',
      ]),
    );
  });

  it('count connections opened and closed by reason, and how long opening took', async () => {
    const { observer, value, values } = databaseScrape();

    observer.connectionOpened?.({ pool: 'main', pid: 1, durationMs: 2 });
    observer.connectionClosed?.({ pool: 'main', pid: 1, reason: 'lifetime', ageMs: 9 });

    expect(await value('db_client_connection_opened_total')).toBe(1);
    expect(await value('db_client_connection_create_time_seconds_count')).toBe(1);
    expect(await value('db_client_connection_create_time_seconds_sum')).toBe(0.002);
    expect(await values('db_client_connection_closed_total', 'reason')).toEqual({
      ...zeros(RETIRE_REASONS),
      lifetime: 1,
    });
  });

  it.each<[DatabaseErrorCode, string]>([
    ['DB_CONNECT_REFUSED', 'refused'],
    ['DB_CONNECT_TIMEOUT', 'timeout'],
    ['DB_HOST_NOT_FOUND', 'dns'],
    ['DB_AUTH_FAILED', 'auth'],
    ['DB_TLS', 'tls'],
    ['DB_TOO_MANY_CONNECTIONS', 'too_many'],
    ['DB_UNAVAILABLE', 'unavailable'],
    ['DB_NOT_FOUND', 'other'],
  ])('count a connect that fails with %s as %s', async (code, reason) => {
    const { observer, values } = databaseScrape();

    observer.connectionFailed?.({ pool: 'main', code, host: 'h', port: 1, message: 'm' });

    expect(connectFailureReason(code)).toBe(reason);
    expect(await values('db_client_connection_failures_total', 'reason')).toMatchObject({
      [reason]: 1,
    });
  });

  it.each(ACQUIRE_OUTCOMES)(
    'know how long a borrower waited whose outcome is %s',
    async (outcome) => {
      const { observer, values } = databaseScrape();

      observer.acquireEnded?.({ ...acquire, outcome });

      expect(await values('db_client_connection_wait_time_seconds_count', 'outcome')).toEqual({
        ...zeros(ACQUIRE_OUTCOMES),
        [outcome]: 1,
      });
      expect(await values('db_client_connection_wait_time_seconds_sum', 'outcome')).toEqual({
        ...zeros(ACQUIRE_OUTCOMES),
        [outcome]: 0.02,
      });
    },
  );

  it.each([
    ['timeout', 1, 0],
    ['refused', 0, 1],
    ['error', 0, 0],
    ['queued', 0, 0],
  ] as const)(
    'know a borrower whose outcome is %s as %i timeouts and %i rejections',
    async (outcome, timeouts, rejections) => {
      const { observer, value } = databaseScrape();

      observer.acquireEnded?.({ ...acquire, outcome });

      expect(await value('db_client_connection_timeouts_total')).toBe(timeouts);
      expect(await value('db_client_connection_rejections_total')).toBe(rejections);
    },
  );

  it('know how long leases were held, which of them leaked, and which were taken back and why', async () => {
    const { observer, value, values } = databaseScrape();

    observer.leaseEnded?.(lease);
    observer.leaseLeaked?.({ ...lease, pid: 1, stack: undefined });
    observer.leaseReclaimed?.({ ...lease, pid: 1, reason: 'timeout' });

    expect(await value('db_client_connection_use_time_seconds_count')).toBe(1);
    expect(await value('db_client_connection_use_time_seconds_sum')).toBe(0.04);
    expect(await value('db_client_connection_leaks_total')).toBe(1);
    expect(await values('db_client_connection_reclaimed_total', 'reason')).toEqual({
      error: 0,
      end: 0,
      timeout: 1,
    });
  });

  it('count pings by outcome', async () => {
    const { observer, values } = databaseScrape();

    for (const outcome of ['ok', 'failed', 'ok'] as const) {
      observer.pingEnded?.({ pool: 'main', pid: 1, outcome, durationMs: 1 });
    }

    expect(await values('db_client_connection_pings_total', 'outcome')).toEqual({
      ok: 2,
      failed: 1,
    });
  });

  it('keep pools apart', async () => {
    const { observer, values } = databaseScrape(() => [
      poolStatsOf(),
      poolStatsOf({ name: 'reports' }),
    ]);

    observer.acquireEnded?.({ ...acquire, pool: 'reports', outcome: 'timeout' });

    expect(await values('db_client_connection_timeouts_total', POOL)).toEqual({
      main: 0,
      reports: 1,
    });
  });

  it('go on though another listener throws', async () => {
    const { observer, value } = databaseScrape();
    const fail = () => {
      throw new Error('no');
    };
    const all = composeObservers([{ acquireEnded: fail, leaseEnded: fail }, observer]);

    all.acquireEnded?.({ ...acquire, outcome: 'timeout' });
    all.leaseEnded?.(lease);

    expect(await value('db_client_connection_timeouts_total')).toBe(1);
    expect(await value('db_client_connection_use_time_seconds_count')).toBe(1);
  });
});

describe('time integrals of a pool', () => {
  it('are those of its snapshot', async () => {
    const { value } = databaseScrape(() => [
      poolStatsOf({ usedSeconds: 12.5, exhaustedSeconds: 0.25 }),
    ]);

    expect(await value('db_client_connection_used_seconds_total')).toBe(12.5);
    expect(await value('db_client_connection_exhausted_seconds_total')).toBe(0.25);
  });

  it('go on from where they were when a pool of the same name starts anew', async () => {
    let usedSeconds = 10;
    const { value } = databaseScrape(() => [poolStatsOf({ usedSeconds })]);
    await value('db_client_connection_used_seconds_total');

    usedSeconds = 3;

    expect(await value('db_client_connection_used_seconds_total')).toBe(13);
  });

  it('never go back, and grow by what each pool of the name grew', async () => {
    const lives = fc.array(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1 }));

    await fc.assert(
      fc.asyncProperty(lives, async (all) => {
        let usedSeconds = 0;
        let grown = 0;
        const { value } = databaseScrape(() => [poolStatsOf({ usedSeconds })]);
        const seen: (number | undefined)[] = [];
        for (const steps of all) {
          usedSeconds = 0;
          seen.push(await value('db_client_connection_used_seconds_total'));
          for (const step of steps) {
            usedSeconds += step;
            grown += step;
            seen.push(await value('db_client_connection_used_seconds_total'));
          }
        }

        expect(seen).toEqual(seen.toSorted((one, other) => Number(one) - Number(other)));
        expect(seen.at(-1) ?? 0).toBe(grown);
      }),
      { numRuns: 30 },
    );
  });
});
