import { BASELINE, chosenFrom, LINE_UP } from '#bench/line-up.ts';
import { describe, expect, it } from 'vitest';

describe('the line-up', () => {
  it('has no key twice, and the baseline', () => {
    const keys = LINE_UP.map(({ key }) => key);

    expect(keys).toStrictEqual([...new Set(keys)]);
    expect(keys).toContain(BASELINE);
  });

  it('chooses every one of a letter, and one by its key, in its own order', () => {
    const keys = chosenFrom(LINE_UP, ['d', 'c']).map(({ key }) => key);

    expect(keys).toStrictEqual(['c-off', 'c-1', 'c-100', 'd']);
    expect(chosenFrom(LINE_UP, ['c-1']).map(({ key }) => key)).toStrictEqual(['c-1']);
  });

  it('refuses a name that is nobody’s', () => {
    expect(() => chosenFrom(LINE_UP, ['d', 'g'])).toThrow('no such contestant: g; there are a-off');
  });
});
