import { describe, expect, it } from 'vitest';

import { allows, isReachable } from '#database/embedded/reachable.ts';

const user = { uid: 101, gid: 104 };

describe('access by mode bits', () => {
  it('is decided by the owner bits for the owner, even where others may more', () => {
    expect(allows({ uid: 101, gid: 104, mode: 0o077 }, user, 1)).toBe(false);
    expect(allows({ uid: 101, gid: 0, mode: 0o500 }, user, 5)).toBe(true);
  });

  it('is decided by the group bits for the group', () => {
    expect(allows({ uid: 0, gid: 104, mode: 0o707 }, user, 1)).toBe(false);
    expect(allows({ uid: 0, gid: 104, mode: 0o750 }, user, 5)).toBe(true);
  });

  it('is decided by the last bits for everybody else', () => {
    expect(allows({ uid: 0, gid: 0, mode: 0o711 }, user, 1)).toBe(true);
    expect(allows({ uid: 0, gid: 0, mode: 0o711 }, user, 5)).toBe(false);
  });

  it('is denied on a path that does not exist', () => {
    expect(isReachable('/there/is/no/such/path', user)).toBe(false);
  });
});
