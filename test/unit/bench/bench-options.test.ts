import { parseBenchOptions } from '#bench/bench-options.ts';
import { LINE_UP } from '#bench/line-up.ts';
import { describe, expect, it } from 'vitest';

describe('parseBenchOptions', () => {
  it('measures everybody on every route unless told otherwise', () => {
    expect(parseBenchOptions([])).toMatchObject({
      contestants: LINE_UP,
      routes: ['read', 'list', 'insert'],
      write: false,
      profileFolder: undefined,
    });
  });

  it('takes a list of contestants and of routes', () => {
    expect(parseBenchOptions(['--only', 'c-100,d', '--route', 'insert,read'])).toMatchObject({
      contestants: [{ key: 'c-100' }, { key: 'd' }],
      routes: ['read', 'insert'],
    });
  });

  it('sends fewer requests when it is to be quick, and as many as it is told', () => {
    const usual = parseBenchOptions([]);
    const quick = parseBenchOptions(['--quick', '--rounds', '3']);

    expect(quick.requests).toBeLessThan(usual.requests);
    expect(quick.rounds).toBe(3);
  });

  it.for([
    { args: ['--rounds', '0'], says: '--rounds is a whole number of at least 1' },
    { args: ['--requests', 'many'], says: '--requests is a whole number of at least 1' },
    { args: ['--route', 'read,write'], says: 'no such route: write; there are read, list, insert' },
    { args: ['--only', 'd,g'], says: 'no such contestant: g; there are a-off' },
    { args: ['--fast'], says: "Unknown option '--fast'" },
  ])('refuses $args', ({ args, says }) => {
    expect(() => parseBenchOptions(args)).toThrow(says);
  });
});
