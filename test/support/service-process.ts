import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { outputOfService } from './canary/service-output.ts';
import type { ServiceOutput } from './canary/service-output.ts';
import { until } from './until.ts';

/** The entry of the service. */
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What `npm start` loads before it. */
const BOOTSTRAP = new URL('../../src/telemetry/bootstrap.ts', import.meta.url).href;

const STOP_DEADLINE_MS = 20_000;

export interface ServiceProcessOptions extends Pick<SpawnOptions, 'cwd' | 'uid' | 'gid'> {
  /** Another one than this Node on `entry`. */
  readonly command?: readonly [string, ...string[]];
  /** Another module than `src/main.ts`, with the same loaded before it. */
  readonly entry?: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The service in a process of its own, as its users start it. Disposing ends it, by force if it still runs. */
export class ServiceProcess implements AsyncDisposable {
  /** Log lines so far, parsed. */
  readonly logs: Readonly<Record<string, unknown>>[] = [];
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #output: ServiceOutput | undefined;
  #url = '';

  private constructor(child: ChildProcess, output: ServiceOutput | undefined) {
    this.#child = child;
    this.#output = output;
    this.#closed = once(child, 'close');
    this.ended = once(child, 'exit').then(() => ({
      code: child.exitCode,
      signal: child.signalCode,
    }));
  }

  /** Starts the service and resolves when it listens. Nothing but `env` and PATH reaches it. */
  static async start(options: ServiceProcessOptions): Promise<ServiceProcess> {
    const { entry = MAIN, env, ...place } = options;
    const { command = [process.execPath, '--import', BOOTSTRAP, entry] } = options;
    const [program, ...args] = command;
    const output = outputOfService();
    output?.addSecretsOf(env);
    const child = spawn(program, args, {
      // Away from a `.env` of whoever runs the tests.
      cwd: tmpdir(),
      ...place,
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const service = new ServiceProcess(child, output);
    const streams = { stdout: child.stdout, stderr: child.stderr };
    for (const [source, input] of Object.entries(streams)) {
      createInterface({ input }).on('line', (line) => service.#read(source, line));
    }
    try {
      service.#url = String((await service.logged('service.listening'))['url']);
      return service;
    } catch (error) {
      await service.end();
      throw new Error(`the service does not listen:\n${service.output}`, { cause: error });
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

  /** Everything it has written so far, standard error included. */
  get output(): string {
    return this.logs.map((line) => JSON.stringify(line)).join('\n');
  }

  /** Ends it in order, by force after 20 s; resolves to its exit code once nobody writes any more. */
  async stop(): Promise<number | null> {
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_DEADLINE_MS);
    this.signal('SIGTERM');
    await this.#closed;
    clearTimeout(timer);
    return this.#child.exitCode;
  }

  /** Kills it if it still runs. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  #read(source: string, line: string): void {
    this.#output?.write(source, line);
    try {
      this.logs.push(JSON.parse(line));
    } catch {
      // Whoever is killed may leave half a line.
      this.logs.push({ unstructured: line });
    }
  }
}
