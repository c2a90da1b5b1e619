import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { outputOfService } from './canary/service-output.ts';

/** How a command ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
}

/** Starts a command in an environment that holds PATH and what is given, and ends it when it takes too long. */
export function startCommand(
  [program, ...args]: readonly [string, ...string[]],
  {
    env = {},
    timeout = 60_000,
    ...options
  }: Pick<SpawnOptions, 'cwd' | 'timeout'> & {
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): RunningCommand {
  const child = spawn(program, args, {
    ...options,
    timeout,
    killSignal: 'SIGKILL',
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, ended: endOf(child, env) };
}

/** Runs a command to its end, as startCommand does. */
export async function runCommand(
  ...parameters: Parameters<typeof startCommand>
): Promise<CommandResult> {
  return await startCommand(...parameters).ended;
}

async function endOf(
  child: ReturnType<typeof spawn>,
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) {
    throw new Error('bug: the command was started without pipes');
  }
  const [out, err] = await Promise.all([text(stdout), text(stderr), once(child, 'close')]);
  const output = outputOfService();
  output?.addSecretsOf(env);
  output?.write('stdout', out);
  output?.write('stderr', err);
  return { code: child.exitCode, stdout: out, stderr: err };
}
