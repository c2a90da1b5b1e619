import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';

import { lastWords, runProgram } from '#database/embedded/run-program.ts';

const options = { cwd: tmpdir(), user: undefined };

describe('one of PostgreSQL’s programs', () => {
  it('is given its input and nothing of our environment', async () => {
    const script =
      'read word; test "$word" = hello && test -z "$HOME$PGHOST" && test "$LC_ALL" = C';

    await expect(
      runProgram('/bin/sh', ['-c', script], { ...options, input: 'hello\n' }),
    ).resolves.toBeUndefined();
  });

  it('is reported with its exit code and its last words when it fails', async () => {
    const failed = runProgram('/bin/sh', ['-c', 'echo "sh: error: no room" >&2; exit 3'], options);

    await expect(failed).rejects.toMatchObject({
      code: 'DB_UNAVAILABLE',
      message: 'embedded postgresql: sh ended with 3: error: no room',
    });
  });

  it('is reported with what to do when the system cannot run it', async () => {
    const failed = runProgram('/there/is/no/initdb', [], options);

    await expect(failed).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/\(glibc\) is missing; set DATABASE_URL/u),
    });
  });
});

describe('the last words of a program', () => {
  it('are its errors and hints without time and pid', () => {
    const output =
      '2026 UTC [1] LOG:  starting\n2026 UTC [1] FATAL:  could not create any TCP/IP sockets\n2026 UTC [1] LOG:  bye\n';

    expect(lastWords(output)).toBe('FATAL:  could not create any TCP/IP sockets');
  });

  it('are its last line where there is no error, and say so where there is nothing', () => {
    expect(lastWords('a\nb\n\n')).toBe('b');
    expect(lastWords('')).toBe('it said nothing');
  });
});
