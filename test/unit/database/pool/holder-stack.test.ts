import { describe, expect, it } from 'vitest';
import { captureStack } from '#database/pool/holder-stack.ts';
import type { CapturedStack } from '#database/pool/holder-stack.ts';

const FILE = 'test/unit/database/pool/holder-stack.test.ts';

function lease(limit?: number): CapturedStack {
  return captureStack(limit);
}

async function inner(limit?: number): Promise<CapturedStack> {
  await Promise.resolve();
  return lease(limit);
}

async function outer(limit?: number): Promise<CapturedStack> {
  const stack = await inner(limit);
  return stack;
}

function nested(depth: number): CapturedStack {
  return depth === 0 ? captureStack(5) : nested(depth - 1);
}

describe('a captured stack', () => {
  it('names its callers by paths relative to the project, those that await included', async () => {
    const { text } = await outer();

    expect(text.split('\n').slice(0, 3)).toEqual([
      expect.stringMatching(`^at lease \\(${FILE}:\\d+:\\d+\\)$`),
      expect.stringMatching(`^at inner \\(${FILE}:\\d+:\\d+\\)$`),
      expect.stringMatching(`^at (?:async )?outer \\(${FILE}:\\d+:\\d+\\)$`),
    ]);
  });

  it('leaves out Node, installed packages and frames without a place', () => {
    const [stack] = [0].map(() => captureStack());

    expect(stack?.text).toContain(FILE);
    expect(stack?.text).not.toMatch(/node:|node_modules|\(<anonymous>\)|file:/);
  });

  it('is as deep as asked for, and leaves the depth of other errors as it was', () => {
    const before = Error.stackTraceLimit;

    expect(nested(20).text.split('\n')).toHaveLength(5);
    expect(Error.stackTraceLimit).toBe(before);
  });
});
