import { describe, expect, it } from 'vitest';

import { restartDelayMs } from '#database/embedded/restart-delay.ts';

describe('the wait before a restart', () => {
  it('is none at first, doubles from 100 ms with each failure, and never exceeds 5 s', () => {
    expect([0, 1, 2, 3, 6, 7, 1_000_000].map(restartDelayMs)).toEqual([
      0, 100, 200, 400, 3_200, 5_000, 5_000,
    ]);
  });
});
