import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIVES } from '#test/support/pool/pool-commands.ts';
import type { Life } from '#test/support/pool/pool-commands.ts';
import { poolProperty } from '#test/support/pool/pool-property.ts';

const NUM_RUNS = 3000;
const lives = Object.keys(LIVES) as Life[];

describe(`the rules of the pool hold at every moment of ${NUM_RUNS} lives`, () => {
  it.each(lives)('with %s', { timeout: 120_000 }, async (life) => {
    const result = await fc.check(poolProperty(life), {
      numRuns: NUM_RUNS,
      includeErrorInReport: true,
    });

    expect(await fc.asyncDefaultReportMessage(result)).toBeUndefined();
    expect(result.numRuns).toBe(NUM_RUNS);
  });
});
