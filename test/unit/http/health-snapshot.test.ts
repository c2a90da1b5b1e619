import { expect, it } from 'vitest';
import { healthSnapshot } from '#http/health-snapshot.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';

it('F23: the health of a full server that the pool is served by, and the probe is not, says so and passes nothing it has not seen', () => {
  const { state, checks } = healthSnapshot({
    verdict: {
      state: 'saturated',
      code: 'DB_TOO_MANY_CONNECTIONS',
      message: 'db:5432 has no free connection slot',
      checkedAt: '2026-01-01T00:00:00.000Z',
      roundTripMs: undefined,
      serverVersion: undefined,
      pendingMigrations: [],
    },
    pool: poolStatsOf({ waiting: 0 }),
    eventLoopDelayMs: 1,
    isDraining: false,
  });

  expect(state).toBe('saturated');
  expect(checks).toMatchObject({
    'database:connectivity': {
      status: 'warn',
      code: 'DB_TOO_MANY_CONNECTIONS',
      output: 'db:5432 has no free connection slot',
    },
    'database:server': { status: 'warn' },
  });
});

it.each([
  [15 * 24, 'pass', undefined],
  [13 * 24, 'warn', expect.stringContaining('expires at')],
  [-1, 'warn', expect.stringContaining('has expired at')],
])(
  'certificates with %d hours left %s, and nobody is turned away for it',
  (hours, status, output) => {
    const checksOf = (...certificatesExpireAt: readonly number[]) =>
      healthSnapshot({
        verdict: {
          state: 'up',
          code: undefined,
          message: 'the database answers',
          checkedAt: '2026-01-01T00:00:00.000Z',
          roundTripMs: 1,
          serverVersion: '18.4',
          pendingMigrations: [],
        },
        pool: poolStatsOf({ waiting: 0 }),
        certificatesExpireAt,
        eventLoopDelayMs: 1,
        isDraining: false,
      });

    const { state, checks } = checksOf(
      Date.now() + 100 * 24 * 3_600_000,
      Date.now() + hours * 3_600_000,
    );

    expect(state).toBe('up');
    expect(checks['database:tls']).toMatchObject({ status, observedUnit: 's' });
    expect(checks['database:tls']?.output).toEqual(output);
    expect(checksOf().checks).not.toHaveProperty('database:tls');
  },
);
