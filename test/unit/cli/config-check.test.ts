import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ENTRY = path.resolve('src/cli/config-check.ts');
const SECRET = 'c4n4ry-c4n4ry-c4n4ry';
let folder = '';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in the test's folder with this environment and no other. */
async function run(
  command: string,
  arguments_: readonly string[],
  env: Record<string, string>,
): Promise<Outcome> {
  try {
    const options = { env, cwd: folder, timeout: 20_000 };
    return { code: 0, ...(await promisify(execFile)(command, arguments_, options)) };
  } catch (error) {
    return error as Outcome;
  }
}

const check = (env: Record<string, string>, ...flags: string[]) =>
  run(process.execPath, [ENTRY, ...flags], env);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'config check '));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('npm run config:check', () => {
  it('prints the effective settings as JSON, warns beside them, and exits 0', async () => {
    const { code, stdout, stderr } = await check({
      PORT: '0',
      DATABASE_URL: `postgres://app:${SECRET}@h/db`,
      MANAGEMENT_TOKEN: SECRET,
      DB_POOLSIZE: '3',
      PGPASSWORD: SECRET,
    });

    expect({ code, settings: JSON.parse(stdout) as unknown }).toMatchObject({
      code: 0,
      settings: { http: { port: 0 }, database: { connection: { password: '[redacted]' } } },
    });
    expect(stderr.split('\n')).toEqual([
      'warning: DB_POOLSIZE is not a setting of this version; did you mean DB_POOL_SIZE?',
      'warning: PGPASSWORD is ignored: DATABASE_URL alone says which database is used',
      '',
    ]);
    expect(stdout + stderr).not.toContain(SECRET);
  });

  it('prints every fault, nothing else, and exits 78', async () => {
    const { code, stdout, stderr } = await check({
      PORT: SECRET,
      DATABASE_URL: `postgres://app:${SECRET}#@h/db`,
    });

    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toMatch(/^2 settings are not valid .*:\n {2}PORT: .*\n {2}DATABASE_URL: .*\n$/);
    expect(stderr).not.toContain(SECRET);
  });

  it.each(['--connect=now', '-x', '--help=1', 'now'])(
    'answers %s with its usage and exits 64',
    async (flag) => {
      const { code, stdout, stderr } = await check({}, flag);

      expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
      expect(stderr).toMatch(/^usage: npm run config:check/);
    },
  );

  it('explains itself on --help', async () => {
    const { code, stdout } = await check({}, '--help');

    expect(code).toBe(0);
    expect(stdout).toMatch(/^usage: npm run config:check/);
  });

  it('reads .env, and lets the real environment win over it', async () => {
    writeFileSync(path.join(folder, '.env'), 'PORT=4001\nHOST=::1\nDB_POOL_NAME="a" # b\n');

    const { stdout } = await run(process.execPath, [ENTRY], {
      PORT: '4002',
    });

    expect(JSON.parse(stdout)).toMatchObject({
      http: { port: 4002, host: '::1' },
      database: { poolName: 'a' },
    });
  });

  it.each([
    ['closed streams', '"$0" "$1" >&- 2>&-; echo $? >code'],
    ['a reader that has gone', '{ "$0" "$1"; echo $? >code; } | true'],
    ['a reader of faults that has gone', '{ PORT=x "$0" "$1"; echo $? >code; } 2>&1 | true'],
  ])('survives %s', async (_, script) => {
    const { stderr } = await run('/bin/sh', ['-c', script, process.execPath, ENTRY], {});

    expect(stderr).toBe('');
    expect(readFileSync(path.join(folder, 'code'), 'utf8')).toBe(
      script.includes('PORT=x') ? '78\n' : '0\n',
    );
  });
});
