import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repeatLimit } from '#telemetry/repeat-limit.ts';

function subject(intervalMs = 1000) {
  const clock = { now: 0 };
  const written: [key: string, suppressed: number][] = [];
  const limited = repeatLimit(intervalMs, () => clock.now);
  const tell = (key: string, at = clock.now) => {
    clock.now = at;
    limited(key, (suppressed) => written.push([key, suppressed]));
  };
  return { tell, written };
}

describe('a limit on repetition', () => {
  it('lets the first of each kind through at once', () => {
    const { tell, written } = subject();

    tell('one');
    tell('other');

    expect(written).toEqual([
      ['one', 0],
      ['other', 0],
    ]);
  });

  it('lets one through in every interval, with the number of those left out since', () => {
    const { tell, written } = subject();

    tell('one', 0);
    tell('one', 1);
    tell('one', 999);
    tell('one', 1000);
    tell('one', 5000);

    expect(written).toEqual([
      ['one', 0],
      ['one', 2],
      ['one', 0],
    ]);
  });

  it('loses none: those written and those left out are those told', () => {
    const times = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1 });

    fc.assert(
      fc.property(times, (pauses) => {
        const { tell, written } = subject();
        let at = 0;
        for (const pause of pauses) {
          at += pause;
          tell('one', at);
        }
        tell('one', at + 1000);

        const counted = written.reduce((sum, [, suppressed]) => sum + 1 + suppressed, 0);
        expect(counted).toBe(pauses.length + 1);
      }),
    );
  });
});
