import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** `src/main.ts` in a process of its own. Disposing ends it, by force if it still runs. */
export class ServiceChild implements AsyncDisposable {
  /** Log lines so far, parsed. */
  readonly logs: Readonly<Record<string, unknown>>[] = [];
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  #url = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = once(child, 'exit').then(() => ({
      code: child.exitCode,
      signal: child.signalCode,
    }));
  }

  /**
   * Starts it on a free port and resolves when it listens. Nothing but `env` and PATH reaches it; `imports` are
   * modules that Node loads before it.
   */
  static async start(options: {
    readonly env: Readonly<Record<string, string>>;
    readonly imports?: readonly URL[];
  }): Promise<ServiceChild> {
    const imports = (options.imports ?? []).flatMap((url) => ['--import', url.href]);
    const process_ = spawn(process.execPath, [...imports, MAIN], {
      // Away from a `.env` of whoever runs the tests.
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', PORT: '0', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const service = new ServiceChild(process_);
    for (const stream of [process_.stdout, process_.stderr]) {
      createInterface({ input: stream }).on('line', (line) => service.#read(line));
    }
    try {
      service.#url = String((await service.logged('service.listening'))['url']);
      return service;
    } catch (error) {
      await service.end();
      throw new Error(`the service does not listen:\n${JSON.stringify(service.logs)}`, {
        cause: error,
      });
    }
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves to the first log line with this event. */
  async logged(event: string): Promise<Readonly<Record<string, unknown>>> {
    return await until(`the log says ${event}`, () => {
      if (this.#child.exitCode !== null) throw new Error('the process has ended');
      return this.logs.find((line) => line['event'] === event);
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Kills it if it still runs. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  #read(line: string): void {
    try {
      this.logs.push(JSON.parse(line));
    } catch {
      // Whoever is killed may leave half a line.
      this.logs.push({ unstructured: line });
    }
  }
}
