import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A service in a process of its own, as its users start it. Stop it when the test is done. */
export interface ServiceProcess {
  readonly url: string;
  readonly pid: number;
  /** What it has written so far, standard error included. */
  output(): string;
  /** SIGTERM, or SIGKILL after 20 s; resolves to the exit code, null after a signal, once nobody writes any more. */
  stop(): Promise<number | null>;
}

interface LogLine {
  readonly event?: string;
  readonly url?: string;
}

const START_DEADLINE_MS = 25_000;
const STOP_DEADLINE_MS = 20_000;

/**
 * Starts a command that logs JSON and resolves once it says that it is ready. Only `env` and PATH reach it.
 * Rejects with its output when it ends before, and ends it when it is not ready after 25 s.
 */
export async function startServiceProcess(
  [program, ...args]: readonly [string, ...string[]],
  options: Pick<SpawnOptions, 'cwd' | 'uid' | 'gid'> & { readonly env: Record<string, string> },
): Promise<ServiceProcess> {
  const child = spawn(program, args, {
    ...options,
    env: { PATH: process.env['PATH'], ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ready = Promise.withResolvers<string>();
  const read = (chunk: string) => {
    output += chunk;
    if (eventsOf(output).some(({ event }) => event === 'service.ready')) {
      ready.resolve(eventsOf(output).find(({ event }) => event === 'service.listening')?.url ?? '');
    }
  };
  child.stdout.setEncoding('utf8').on('data', read);
  child.stderr.setEncoding('utf8').on('data', read);
  const exited = once(child, 'close');
  child.once('error', ready.reject);
  child.once('exit', () =>
    ready.reject(new Error(`the service ended before it was ready:\n${output}`)),
  );
  const deadline = setTimeout(() => child.kill('SIGKILL'), START_DEADLINE_MS);
  const url = await ready.promise.finally(() => clearTimeout(deadline));
  return {
    url,
    pid: child.pid ?? 0,
    output: () => output,
    async stop() {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      child.kill('SIGTERM');
      await exited;
      clearTimeout(timer);
      return child.exitCode;
    },
  };
}

/** Log lines that have arrived whole; what is not JSON is skipped. */
function eventsOf(output: string): readonly LogLine[] {
  return output
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}
