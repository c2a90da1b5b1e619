import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { serverFault } from './embedded-fault.ts';

const RESTART_DELAY_MS = 1_000;

/** A process that ends the server when this one is gone. */
export interface Watchdog {
  /** Ends it without any effect on the server. Resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts the process that ends all processes marked by `label` once this process is gone, however it
 * died, and deletes `throwAway` then. It is started again when somebody kills it.
 */
export async function startWatchdog(options: {
  readonly label: string;
  readonly graceMs: number;
  readonly throwAway: string | undefined;
}): Promise<Watchdog> {
  const program = fileURLToPath(new URL('./watchdog.ts', import.meta.url));
  const args = [program, options.label, String(options.graceMs)];
  if (options.throwAway !== undefined) args.push(options.throwAway);
  let isStopped = false;

  const launch = (): ReturnType<typeof spawn> => {
    const child = spawn(process.execPath, args, {
      // Neither a Ctrl-C nor the end of the terminal reaches it.
      detached: true,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.unref();
    if (child.stdin !== null && 'unref' in child.stdin && typeof child.stdin.unref === 'function')
      child.stdin.unref();
    child.stdin?.on('error', () => undefined);
    return child;
  };
  const keep = (child: ReturnType<typeof spawn>): void => {
    child.once('exit', () => {
      if (isStopped) return;
      setTimeout(() => {
        if (isStopped) return;
        current = launch();
        current.once('error', () => undefined);
        keep(current);
      }, RESTART_DELAY_MS).unref();
    });
  };

  let current = launch();
  await once(current, 'spawn').catch((error: unknown) => {
    throw serverFault('its watchdog process cannot be started', error);
  });
  keep(current);
  return {
    async stop() {
      isStopped = true;
      if (current.exitCode !== null || current.signalCode !== null || current.pid === undefined)
        return;
      const gone = once(current, 'exit');
      current.ref();
      // SIGKILL: it must not act on the end of its input, since the folder may be in use again by then.
      current.kill('SIGKILL');
      await gone;
    },
  };
}
