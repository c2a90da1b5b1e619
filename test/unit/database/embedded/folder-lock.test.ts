import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { takeFolder } from '#database/embedded/folder-lock.ts';

const SCRIPT = `
  import { takeFolder } from '#database/embedded/folder-lock.ts';
  const lock = takeFolder(process.argv[1]);
  console.log('heldBy' in lock ? 'refused' : 'taken');
  process.stdin.once('data', () => process.kill(process.pid, 'SIGKILL'));
`;

describe('the lock of a folder', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegauge-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is refused while a living process holds it, the same process included', () => {
    const first = takeFolder(folder);

    expect(first).toHaveProperty('release');
    expect(takeFolder(folder)).toEqual({ heldBy: process.pid });
  });

  it('is free again once it is released, and leaves one file', () => {
    for (let round = 0; round < 3; round += 1) {
      const lock = takeFolder(folder);
      if ('release' in lock) lock.release();
    }

    expect(takeFolder(folder)).toHaveProperty('release');
    expect(readdirSync(folder)).toEqual(['owner-4']);
  });

  it('is free when its holder is gone, its pid is used by another process, or its file is damaged', () => {
    writeFileSync(
      join(folder, 'owner-1'),
      JSON.stringify({ pid: process.pid, identity: 'boot:1' }),
    );
    const reused = takeFolder(folder);
    if ('release' in reused) reused.release();
    writeFileSync(join(folder, 'owner-9'), '{"pid":');

    expect(reused).toHaveProperty('release');
    expect(takeFolder(folder)).toHaveProperty('release');
    expect(readdirSync(folder)).toEqual(['owner-10']);
  });

  it(
    'goes to exactly one of many processes that find the lock of a killed one',
    { timeout: 30_000 },
    async () => {
      const takers = (count: number) =>
        Array.from({ length: count }, () =>
          spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, folder], {
            stdio: ['pipe', 'pipe', 'inherit'],
          }),
        );
      const firstLine = async (child: ReturnType<typeof takers>[number]): Promise<string> =>
        new Promise((resolve) =>
          child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
        );
      const end = async (child: ReturnType<typeof takers>[number]): Promise<unknown> => {
        child.stdin.write('x');
        return text(child.stdout);
      };
      const [killed] = takers(1);
      const first = killed === undefined ? '' : await firstLine(killed);
      if (killed !== undefined) await end(killed);

      const children = takers(8);
      const answers = await Promise.all(children.map(firstLine));
      await Promise.all(children.map(end));

      expect(first).toBe('taken');
      expect(answers.toSorted()).toEqual([...Array.from({ length: 7 }, () => 'refused'), 'taken']);
    },
  );
});
