import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CancelOutcome } from '#database/pool/cancel-request.ts';
import { Canceller } from '#database/pool/canceller.ts';

const wanted = () => true;

/** Cancels that end when the test says so. */
class HeldSends {
  readonly started: string[] = [];
  readonly #ends = new Map<string, PromiseWithResolvers<CancelOutcome>>();

  readonly send = (target: string): Promise<CancelOutcome> => {
    const end = Promise.withResolvers<CancelOutcome>();
    this.started.push(target);
    this.#ends.set(target, end);
    return end.promise;
  };

  get underWay(): number {
    return this.#ends.size;
  }

  end(target: string, outcome: CancelOutcome): void {
    this.#ends.get(target)?.resolve(outcome);
    this.#ends.delete(target);
  }

  fail(target: string): void {
    this.#ends.get(target)?.reject(new Error('bug: sending must not fail'));
    this.#ends.delete(target);
  }
}

describe('a canceller', () => {
  it('F22: sends two cancels at a time, the others in the order they came', async () => {
    const sends = new HeldSends();
    const canceller = new Canceller({ limit: 2, send: sends.send });

    const outcomes = ['a', 'b', 'c', 'd'].map((target) => canceller.cancel(wanted, target));
    expect(sends.started).toEqual(['a', 'b']);

    sends.end('b', 'confirmed');
    expect(await outcomes[1]).toBe('confirmed');
    expect(sends.started).toEqual(['a', 'b', 'c']);

    sends.end('a', 'unsent');
    sends.end('c', 'unknown');
    expect(await Promise.all([outcomes[0], outcomes[2]])).toEqual(['unsent', 'unknown']);
    expect(sends.started).toEqual(['a', 'b', 'c', 'd']);
    sends.end('d', 'confirmed');
    expect(await outcomes[3]).toBe('confirmed');
  });

  it('skips what is not wanted any more when its turn comes, and asks only then', async () => {
    const sends = new HeldSends();
    const canceller = new Canceller({ limit: 1, send: sends.send });
    const asked: string[] = [];
    const ended = () => {
      asked.push('b');
      return false;
    };

    const outcomes = [
      canceller.cancel(wanted, 'a'),
      canceller.cancel(ended, 'b'),
      canceller.cancel(wanted, 'c'),
    ];
    expect(asked).toEqual([]);

    sends.end('a', 'confirmed');
    expect(await outcomes[1]).toBe('skipped');
    expect(asked).toEqual(['b']);
    expect(sends.started).toEqual(['a', 'c']);
    sends.end('c', 'confirmed');
    expect(await Promise.all(outcomes)).toEqual(['confirmed', 'skipped', 'confirmed']);
  });

  it('takes a failure to send for a cancel that may still arrive, and goes on', async () => {
    const sends = new HeldSends();
    const canceller = new Canceller({ limit: 1, send: sends.send });

    const outcomes = [canceller.cancel(wanted, 'a'), canceller.cancel(wanted, 'b')];
    sends.fail('a');

    expect(await outcomes[0]).toBe('unknown');
    sends.end('b', 'confirmed');
    expect(await outcomes[1]).toBe('confirmed');
  });

  it('F22: never exceeds its limit and settles each of a hundred, whatever the order they end in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 100, maxLength: 100 }),
        fc.infiniteStream(fc.nat()),
        async (wants, picks) => {
          const sends = new HeldSends();
          const canceller = new Canceller({ limit: 2, send: sends.send });

          const settled = wants.map((isWanted, index) =>
            canceller.cancel(() => isWanted, String(index)),
          );
          const peak = await endAll(sends, picks);

          const expected = wants.map((isWanted) => (isWanted ? 'confirmed' : 'skipped'));
          expect(await Promise.all(settled)).toEqual(expected);
          expect(peak).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: 50 },
    );
  });
});

/** Ends the cancels under way, one at a time in the order of the picks, until none is left; the most there were at once. */
async function endAll(sends: HeldSends, picks: Iterable<number>): Promise<number> {
  let peak = 0;
  const ended = new Set<string>();
  for (const pick of picks) {
    const open = sends.started.filter((target) => !ended.has(target));
    const target = open[pick % open.length];
    if (target === undefined) {
      return peak;
    }
    peak = Math.max(peak, sends.underWay);
    ended.add(target);
    sends.end(target, 'confirmed');
    await new Promise(setImmediate);
  }
  return peak;
}
