import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import { serverFault, spawnFault } from './embedded-fault.ts';
import { readPostmasterFile } from './postmaster-file.ts';
import { lastWords, PROGRAM_ENV } from './run-program.ts';
import type { ServerUser } from './server-user.ts';

const POLL_MS = 10;
const KEPT_LINES = 50;

/** How to start a server. */
export interface PostmasterOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly cluster: string;
  readonly user: ServerUser | undefined;
  /** Told every line of the server's log. */
  readonly log: (line: string) => void;
  /** Ends the wait for readiness; the server itself is ended by its label. */
  readonly signal: AbortSignal;
}

/** A server that accepts connections, or did. */
export interface Postmaster {
  readonly pid: number;
  /** Resolves when it has ended, with what its log said last. */
  readonly ended: Promise<string>;
}

/**
 * Starts a server and resolves when it accepts connections, however long its recovery takes. Throws
 * `DB_UNAVAILABLE` with its last words when it ends before, or when `signal` is aborted.
 */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  if (options.signal.aborted) throw serverFault('it is being stopped');
  const lines: string[] = [];
  const child = spawn(options.program, [...options.args], {
    cwd: options.cluster,
    env: PROGRAM_ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Its own process group: a Ctrl-C in the terminal must not stop it before the service is drained.
    detached: true,
    ...options.user,
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    options.log(line);
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) =>
      resolve(spawnFault(options.program, options.user?.uid, error).message),
    );
    child.once('exit', (code, signal) => {
      // Its last lines may still be in the pipe, which children that outlive it keep open.
      setTimeout(
        () => resolve(signal ?? `exit code ${code}; ${lastWords(lines.join('\n'))}`),
        POLL_MS,
      );
    });
  });

  for (;;) {
    const words = await Promise.race([ended, delay(POLL_MS)]);
    if (words !== undefined) throw serverFault(`the server did not start: ${words}`);
    if (options.signal.aborted) throw serverFault('it is being stopped');
    const file = readPostmasterFile(options.cluster);
    if (child.pid !== undefined && file?.pid === child.pid && file.isReady) {
      // A script that forgets to stop the server still ends, and the watchdog stops the server.
      child.unref();
      unrefStream(child.stderr);
      return { pid: child.pid, ended };
    }
  }
}

function unrefStream(stream: object): void {
  if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
}
