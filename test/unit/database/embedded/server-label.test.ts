import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  folderLabel,
  isForeignServer,
  newRunLabel,
  roleOf,
} from '#database/embedded/server-label.ts';

describe('the mark of a folder', () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'tidegauge-label-'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('is the same each time, and another one for a copy of the folder', () => {
    const original = join(root, 'original');
    mkdirSync(original);
    const before = folderLabel(original);
    cpSync(original, join(root, 'copy'), { recursive: true });

    const after = folderLabel(original);

    expect(after).toBe(before);
    expect(folderLabel(join(root, 'copy'))).not.toBe(before);
  });
});

describe('the role of a process', () => {
  const folder = 'tidegauge-0123456789ab';
  const run = newRunLabel(folder);
  const main = `/a path/native/bin/postgres -D /some data -c port=20001 -c cluster_name=${run}`;
  const child = `postgres: ${run}: postgres tidegauge 127.0.0.1(40112) SELECT`;

  it('is told for the postmaster, its children and initdb, by the mark of the start and of the folder', () => {
    expect(roleOf(main, run)).toBe('main');
    expect(roleOf(main, folder)).toBe('main');
    expect(roleOf(`/x/initdb -D /d --set cluster_name=${run} --no-sync`, folder)).toBe('main');
    expect(roleOf(child, run)).toBe('child');
    expect(roleOf(child, folder)).toBe('child');
  });

  it('is none for another start or another folder', () => {
    const other = newRunLabel(folder);

    expect(roleOf(main, other)).toBeUndefined();
    expect(roleOf(child, other)).toBeUndefined();
    expect(roleOf(main, 'tidegauge-0123456789a')).toBeUndefined();
    expect(roleOf(child, 'tidegauge-ffffffffffff')).toBeUndefined();
  });

  it('is none for a program that only speaks about the server', () => {
    expect(roleOf(`grep cluster_name=${run}`, run)).toBeUndefined();
    expect(roleOf(`less postgres: ${run}: walwriter`, run)).toBeUndefined();
    expect(roleOf('postgres: walwriter', run)).toBeUndefined();
    expect(roleOf(`tidegauge-watch ${run}`, run)).toBeUndefined();
  });
});

describe('a server of somebody else', () => {
  it('is told apart from ours and from other programs', () => {
    expect(isForeignServer('/usr/lib/postgresql/15/bin/postgres -D /var/lib/pg')).toBe(true);
    expect(isForeignServer('postgres: checkpointer')).toBe(true);
    expect(isForeignServer('/x/postgres -D /d -c cluster_name=tidegauge-00.11')).toBe(false);
    expect(isForeignServer('node src/main.ts')).toBe(false);
  });
});
