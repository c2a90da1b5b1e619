import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';

import { serverFault, spawnFault } from './embedded-fault.ts';
import type { ServerUser } from './server-user.ts';

/** The whole environment of PostgreSQL's programs: nothing of ours is passed on, and messages are English. */
export const PROGRAM_ENV = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } as const;

const DEADLINE_MS = 120_000;
const KEPT_OUTPUT = 16_384;

/** Runs one of PostgreSQL's programs to its end. Throws `DB_UNAVAILABLE` with its last words when it fails. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly user: ServerUser | undefined; readonly input?: string },
): Promise<void> {
  const name = program.slice(program.lastIndexOf('/') + 1);
  const child = launch(program, args, options);
  let output = '';
  const keep = (text: Buffer): void => {
    output = (output + text.toString('utf8')).slice(-KEPT_OUTPUT);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  // It may end before it has read its input; its exit code tells.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');

  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', (error) => reject(spawnFault(program, options.user?.uid, error)));
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'));
  });
  if (code !== 0) throw serverFault(`${name} ended with ${code}: ${lastWords(output)}`);
}

function launch(
  program: string,
  args: readonly string[],
  { cwd, user }: { readonly cwd: string; readonly user: ServerUser | undefined },
): ChildProcessWithoutNullStreams {
  try {
    return spawn(program, [...args], {
      cwd,
      env: PROGRAM_ENV,
      stdio: 'pipe',
      // A Ctrl-C in the terminal is ours to handle.
      detached: true,
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
      ...user,
    });
  } catch (error) {
    // Node throws some of the system's refusals, EPERM above all, and emits the others.
    throw spawnFault(program, user?.uid, error);
  }
}

/** What PostgreSQL's output says about its end: the errors and hints in it, else the last line. */
export function lastWords(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.filter((line) => /\b(FATAL|PANIC|ERROR|HINT|error|hint):/u.test(line));
  const words = telling.length > 0 ? telling.slice(-3) : lines.slice(-1);
  return (
    words
      .map((line) => line.replace(/^.*?\b(?=(FATAL|PANIC|ERROR|HINT|error|hint):)/u, ''))
      .join('; ') || 'it said nothing'
  );
}
