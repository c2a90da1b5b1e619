import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  parsePostmasterFile,
  readPostmasterFile,
  removeStalePostmasterFile,
} from '#database/embedded/postmaster-file.ts';

const text = (pid: number): string =>
  `${pid}\n/data\n1795385878\n28111\n\n127.0.0.1\n 16039947        10\nready   \n`;

describe('postmaster.pid', () => {
  let cluster = '';
  beforeEach(() => {
    cluster = mkdtempSync(join(tmpdir(), 'tidegauge-pidfile-'));
  });
  afterEach(() => rmSync(cluster, { recursive: true, force: true }));

  it('tells pid, port and readiness', () => {
    expect(parsePostmasterFile(text(7774))).toEqual({ pid: 7774, port: 28_111, isReady: true });
    expect(parsePostmasterFile(text(7774).replace('ready', 'starting'))?.isReady).toBe(false);
  });

  it('tells nothing while it is being written', () => {
    expect(parsePostmasterFile('')).toBeUndefined();
    expect(parsePostmasterFile('7774\n/data\n')).toBeUndefined();
    expect(parsePostmasterFile('x\n/data\n1\n2\n')).toBeUndefined();
    expect(readPostmasterFile(cluster)).toBeUndefined();
  });

  it('is deleted when its pid now belongs to another program', async () => {
    writeFileSync(join(cluster, 'postmaster.pid'), text(process.pid));

    await removeStalePostmasterFile(cluster);

    expect(readdirSync(cluster)).toEqual([]);
  });

  it('is left to PostgreSQL when nobody has its pid', async () => {
    writeFileSync(join(cluster, 'postmaster.pid'), text(2_147_483_646));

    await removeStalePostmasterFile(cluster);

    expect(readdirSync(cluster)).toEqual(['postmaster.pid']);
  });
});
