import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { makeFolder, writePrivateFile } from '#database/embedded/private-file.ts';

describe('what the wrapper writes', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tidegauge-files-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('is readable by its owner alone, in a closed folder whose parents are made as usual', () => {
    const folder = join(root, 'a/b c');

    makeFolder(folder, 0o700);
    makeFolder(folder, 0o700);
    writePrivateFile(join(folder, 'file'), 'x');

    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'file')).mode & 0o777).toBe(0o600);
  });

  it('leaves no draft behind when it cannot be put in its place', () => {
    mkdirSync(join(root, 'taken'));

    expect(() => writePrivateFile(join(root, 'taken'), 'x')).toThrow('EISDIR');
    expect(readdirSync(root)).toEqual(['taken']);
  });
});
