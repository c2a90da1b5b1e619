import { describe, expect, it } from 'vitest';
import { ShareMeter } from '#database/pool/share-meter.ts';

function subject() {
  const share = { operations: 0, queryMs: 0, waitMs: 0 };
  return { share, meter: new ShareMeter(share) };
}

describe('the share of the database in a piece of work', () => {
  it('has each statement from its beginning on, and its time from its end on', () => {
    const { share, meter } = subject();

    meter.began(100, false);
    const during = { ...share };
    meter.ended(100, 130);

    expect([during, share]).toEqual([
      { operations: 1, queryMs: 0, waitMs: 0 },
      { operations: 1, queryMs: 30, waitMs: 0 },
    ]);
  });

  it('has the time of what is under way when the work is aborted, and later the rest of it alone', () => {
    const { share, meter } = subject();
    meter.began(100, false);
    meter.began(110, false);

    meter.addRunning(150);
    const aborted = share.queryMs;
    meter.ended(100, 155);
    meter.ended(110, 160);
    meter.began(170, false);
    meter.ended(170, 171);

    expect(aborted).toBe(50 + 40);
    expect(share).toEqual({ operations: 3, queryMs: 55 + 50 + 1, waitMs: 0 });
  });

  it('has a cursor as one statement, with the time of all its reads', () => {
    const { share, meter } = subject();

    for (const at of [100, 200, 300]) {
      meter.began(at, at > 100);
      meter.ended(at, at + 5);
    }

    expect(share).toEqual({ operations: 1, queryMs: 15, waitMs: 0 });
  });
});
