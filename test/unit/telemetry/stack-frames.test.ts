import { describe, expect, it } from 'vitest';
import { stackFrames } from '#telemetry/stack-frames.ts';

const FRAMES =
  '    at listUsers (file:///app/src/users.ts:3:5)\n    at async run (node:internal/x:1:2)';

describe('the frames of a stack', () => {
  it('are kept as they are', () => {
    expect(stackFrames(FRAMES)).toBe(FRAMES);
  });

  it('are all that is kept', () => {
    expect(stackFrames(`Error: ada@example.com\nis taken\n${FRAMES}\nanything`)).toBe(FRAMES);
  });

  it('are not lines that stand in text of somebody else', () => {
    const imitation = '    at ada (/example.com:1:1)';

    expect(stackFrames(`${imitation}\n${FRAMES}`, `taken:\n${imitation}`)).toBe(FRAMES);
  });

  it('are absent where there are none', () => {
    expect(stackFrames('Error: no frames')).toBeUndefined();
  });
});
