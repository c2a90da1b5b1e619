import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { sharedCopy } from '#database/embedded/binary-copy.ts';

describe('a copy of the programs', () => {
  let root = '';
  let copy: string | undefined;
  const make = (): string => {
    copy = sharedCopy(root, basename(root), undefined, (folder) => {
      if (!existsSync(join(folder, 'native/lib/link')))
        symlinkSync('file', join(folder, 'native/lib/link'));
    });
    return copy;
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tidegauge package-'));
    mkdirSync(join(root, 'native/lib'), { recursive: true, mode: 0o700 });
    mkdirSync(join(root, 'native/bin'), { mode: 0o700 });
    writeFileSync(join(root, 'native/lib/file'), 'library', { mode: 0o600 });
    writeFileSync(join(root, 'native/bin/postgres'), 'program', { mode: 0o700 });
  });
  afterEach(() => {
    for (const path of [root, copy])
      if (path !== undefined) rmSync(path, { recursive: true, force: true });
  });

  it('can be read and run by everybody and written by its owner alone, whatever the umask of the installation', () => {
    const made = make();

    const mode = (path: string): number => statSync(join(made, path)).mode & 0o777;
    expect(['', 'native', 'native/lib', 'native/bin/postgres'].map(mode)).toEqual([
      0o755, 0o755, 0o755, 0o755,
    ]);
    expect(mode('native/lib/file')).toBe(0o644);
    expect(readFileSync(join(made, 'native/lib/link'), 'utf8')).toBe('library');
  });

  it('is made once, and again when something is missing from it', () => {
    const first = statSync(make()).ino;
    const second = statSync(make()).ino;
    truncateSync(join(make(), 'native/lib/file'), 2);

    const repaired = make();

    expect(second).toBe(first);
    expect(readFileSync(join(repaired, 'native/lib/file'), 'utf8')).toBe('library');
  });

  it('is not taken from a folder that others may write', () => {
    chmodSync(make(), 0o777);

    expect(make).toThrow('was not made by this user');
  });
});
