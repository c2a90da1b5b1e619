import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { until } from '#test/support/until.ts';

const STOP_DEADLINE_MS = 5000;

/** A program of the system that serves until it is disposed of. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit');
  }

  /**
   * Starts it, with a log of its own in `dir`, and resolves when `readyUrl` answers 200.
   *
   * @throws Error with the end of its log when it does not get there
   */
  static async start(
    [name, ...args]: readonly [string, ...string[]],
    { dir, readyUrl }: { readonly dir: string; readonly readyUrl: string },
  ): Promise<Program> {
    const logFile = join(dir, `${basename(name)}.log`);
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn(name, args, {
      cwd: dir,
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const program = new Program(child);
    try {
      await until(`${name} is ready`, async () => {
        const { status } = await fetch(readyUrl);
        return status === 200 || undefined;
      });
      return program;
    } catch (cause) {
      await program[Symbol.asyncDispose]();
      throw new Error(`${name} does not start:\n${readFileSync(logFile, 'utf8').slice(-2000)}`, {
        cause,
      });
    }
  }

  /** Ends it in order, by force after 5 s. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    this.#child.kill('SIGTERM');
    await this.#ended;
    clearTimeout(timer);
  }
}
