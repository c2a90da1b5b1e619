import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

import { linuxStart, processIdentity } from '#database/embedded/process-identity.ts';

const FIELDS = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21';

describe('the identity of a process', () => {
  it('is its boot and start time, whatever its name holds', () => {
    expect(linuxStart(`12 (a) b (c)) S ${FIELDS}`, 'boot')).toBe('boot:4711');
  });

  it('is none for a zombie or a text cut short', () => {
    expect(linuxStart(`12 (node) Z ${FIELDS}`, 'boot')).toBeUndefined();
    expect(linuxStart('12 (node) S 1 2', 'boot')).toBeUndefined();
  });

  it('is stable for a living process and none for one that has ended', () => {
    const ended = spawnSync(process.execPath, ['--version']).pid;

    expect(processIdentity(process.pid)).toBe(processIdentity(process.pid));
    expect(processIdentity(process.pid)).toEqual(expect.any(String));
    expect(processIdentity(ended)).toBeUndefined();
  });
});
