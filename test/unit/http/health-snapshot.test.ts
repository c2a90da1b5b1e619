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
