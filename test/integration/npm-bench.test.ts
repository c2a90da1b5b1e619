import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '#test/support/run-command.ts';
import { describe, expect, it } from 'vitest';

const DEADLINE_MS = 120_000;

describe('npm run bench', () => {
  it(
    'measures every kind of contestant on every route, and leaves no file',
    { timeout: DEADLINE_MS },
    async () => {
      const temporary = await mkdtemp(join(tmpdir(), 'tidegauge-npm-bench-'));
      const few = ['--rounds', '1', '--requests', '16', '--warm-up', '16'];

      const { code, stdout } = await runCommand(
        [process.execPath, 'bench/run.ts', '--only', 'a-100-sql,b,c-100,d,e,f', ...few],
        { env: { TMPDIR: temporary }, timeout: DEADLINE_MS },
      );

      const left = readdirSync(temporary).filter((name) => name.startsWith('tidegauge-bench-'));
      await rm(temporary, { recursive: true });
      expect({ code, left }).toStrictEqual({ code: 0, left: [] });
      expect(stdout.match(/^\| (?:a-100-sql|b|c-100|d|e|f) .*\d/gm)).toHaveLength(6 * 4);
      expect(stdout).toMatch(/^\| d .*(?: +1\.00 \(1\.00–1\.00\) \|){3}$/m);
    },
  );
});
