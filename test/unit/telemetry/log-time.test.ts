import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logTime } from '#telemetry/log-time.ts';

describe('the time of a log line', () => {
  it('is the one of a Date, whatever the clock says, forwards and backwards', () => {
    let now = 0;
    const time = logTime(() => now);
    const times = fc.date({
      min: new Date('1969-12-31'),
      max: new Date('9999-12-31'),
      noInvalidDate: true,
    });

    fc.assert(
      fc.property(times, fc.integer({ min: -1500, max: 1500 }), (at, step) => {
        for (const moment of [at.getTime(), at.getTime() + step]) {
          now = moment;
          expect(time()).toBe(`,"time":"${new Date(moment).toISOString()}"`);
        }
      }),
    );
  });
});
