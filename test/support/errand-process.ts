import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { DatabaseConnection } from '#database/database-options.ts';
import { errands } from './errands.ts';
import type { Errand } from './errands.ts';

/** How a process ended that was left to itself. */
export interface ErrandEnding {
  readonly code: number | null;
  readonly stderr: string;
}

/** Work with connections in a process of its own, so that one that nobody listens to may end it. */
export class ErrandProcess implements AsyncDisposable {
  readonly ended: Promise<ErrandEnding>;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(errand: keyof typeof errands, connection: DatabaseConnection) {
    const { password, ...address } = connection;
    const orders: Orders = { errand, address, password: password?.reveal() ?? '' };
    const child = spawn(process.execPath, [import.meta.filename], {
      env: { ERRAND_ORDERS: JSON.stringify(orders) },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // It may have ended before it is told anything.
    child.stdin.on('error', () => undefined);
    this.#child = child;
    this.#lines = linesOf(child.stdout);
    this.ended = Promise.all([text(child.stderr), once(child, 'close')]).then(([stderr]) => ({
      code: child.exitCode,
      stderr,
    }));
  }

  /** Resolves to what it says next. */
  async said(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) {
      throw new Error(`the process has ended: ${(await this.ended).stderr}`);
    }
    return JSON.parse(value);
  }

  /** Lets it go on. */
  goOn(): void {
    this.#child.stdin?.write('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

interface Orders {
  readonly errand: keyof typeof errands;
  readonly address: Omit<DatabaseConnection, 'password'>;
  readonly password: string;
}

function linesOf(stream: Readable): AsyncIterator<string> {
  return createInterface({ input: stream })[Symbol.asyncIterator]();
}

async function run(errand: Errand, connection: DatabaseConnection): Promise<void> {
  const orders = linesOf(process.stdin);
  await errand({
    connection,
    say: (what) => void process.stdout.write(`${JSON.stringify(what)}\n`),
    told: async () => void (await orders.next()),
  });
  // What keeps the process from here on is what the errand has left open.
  process.stdin.destroy();
}

if (process.argv[1] === import.meta.filename) {
  const { errand, address, password } = JSON.parse(process.env['ERRAND_ORDERS'] ?? '') as Orders;
  await run(errands[errand], { ...address, password: { reveal: () => password } });
}
