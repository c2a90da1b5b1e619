import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { choosePort } from '#database/embedded/free-port.ts';
import type { ProcessUsage } from './report-usage.ts';

export interface ChildServerOptions {
  /** Names it in messages, and its log file. */
  readonly name: string;
  /** What follows `node`. */
  readonly command: readonly string[];
  /** Nothing but this, PATH and `PORT` reaches it. */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory, and where its output goes: to a file, which never makes a writer wait. */
  readonly folder: string;
  /** Answers 2xx once it can serve. */
  readonly readyPath: string;
}

const REPORT_USAGE = fileURLToPath(new URL('report-usage.ts', import.meta.url));
const START_DEADLINE_MS = 60_000;
const ANSWER_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 10_000;
const POLL_MS = 50;

/** A server in a process of its own on a free loopback port. It ends with this process, however that ends. */
export class ChildServer implements AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(name: string, url: string, child: ChildProcess) {
    this.name = name;
    this.url = url;
    this.#child = child;
    this.#exited = once(child, 'exit');
  }

  /** Resolves when it answers. Throws with the end of its output when it does not. */
  static async start(options: ChildServerOptions): Promise<ChildServer> {
    const { name, command, env, folder, readyPath } = options;
    const port = await choosePort(undefined);
    const logFile = join(folder, `${name}.log`);
    const output = openSync(logFile, 'a');
    const child = spawn(process.execPath, ['--import', REPORT_USAGE, ...command], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...env, PORT: String(port) },
      stdio: ['ignore', output, output, 'ipc'],
    });
    closeSync(output);
    const server = new ChildServer(name, `http://127.0.0.1:${port}`, child);
    try {
      await server.#answers(readyPath);
      return server;
    } catch (error) {
      await server.stop();
      const end = readFileSync(logFile, 'utf8').slice(-2000);
      throw new Error(`${name} does not start:\n${end}`, { cause: error });
    }
  }

  /** Asks the process what it has used. */
  async usage(): Promise<ProcessUsage> {
    const signal = AbortSignal.timeout(ANSWER_DEADLINE_MS);
    const answer = once(this.#child, 'message', { signal });
    this.#child.send('usage');
    const [usage] = await answer;
    return usage;
  }

  /** Lets it go, and ends it by force when it stays. Idempotent. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    if (this.#isRunning) await this.#exited;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #answers(path: string): Promise<void> {
    const giveUpAt = performance.now() + START_DEADLINE_MS;
    while (this.#isRunning && performance.now() < giveUpAt) {
      const response = await fetch(this.url + path).catch(() => undefined);
      await response?.arrayBuffer();
      if (response?.ok === true) return;
      await delay(POLL_MS);
    }
    throw new Error(this.#isRunning ? 'it does not answer' : 'it has ended');
  }
}
