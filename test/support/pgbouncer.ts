import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { choosePort } from '#database/embedded/free-port.ts';
import { unprivilegedUser } from '#database/embedded/server-user.ts';
import { withClient } from './databases.ts';
import { needs } from './needs.ts';
import type { TestServerAddress } from './test-server.ts';
import { until } from './until.ts';

const EXAMPLE = fileURLToPath(new URL('../../deploy/pgbouncer.ini', import.meta.url));
const { PATH = '', CI } = process.env;
// Debian has it where only root looks.
const PROGRAM = [...PATH.split(delimiter), '/usr/sbin']
  .map((dir) => join(dir, 'pgbouncer'))
  .find(isProgram);

/** Whether PgBouncer is installed. */
export const isPgBouncerThere = PROGRAM !== undefined;

const KEPT_LINES = 50;

/** Whether PgBouncer is installed; says when it is not. Throws then where tests may not be skipped: with `CI`. */
export function hasPgBouncer(): boolean {
  if (PROGRAM === undefined && CI) {
    throw new Error('not installed: pgbouncer; see .ci/run');
  }
  return needs(PROGRAM !== undefined, 'pgbouncer');
}

/**
 * A PgBouncer of the tests' own before one server, for all of its databases and roles: as deploy/pgbouncer.ini has it,
 * on a free port. Ends with the process that started it.
 */
export class PgBouncer implements AsyncDisposable {
  readonly #server: TestServerAddress;
  readonly #dir: string;
  readonly #port: number;
  readonly #log: string[] = [];
  #child: ChildProcess | undefined;

  private constructor(server: TestServerAddress, dir: string, port: number) {
    this.#server = server;
    this.#dir = dir;
    this.#port = port;
  }

  /** Starts it; `settings` are PgBouncer's, in place of those of the example. */
  static async start(
    server: TestServerAddress,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<PgBouncer> {
    const dir = await mkdtemp(join(tmpdir(), 'tidegauge-pgbouncer-'));
    const bouncer = new PgBouncer(server, dir, await choosePort(undefined));
    bouncer.#configure(settings);
    await bouncer.up();
    return bouncer;
  }

  /** Where clients of one of the server's databases connect to. */
  address(database = this.#server.database): TestServerAddress {
    return { ...this.#server, host: '127.0.0.1', port: this.#port, database };
  }

  /** Starts it, again on the same port; resolves when it accepts logins. */
  async up(): Promise<void> {
    if (PROGRAM === undefined) throw new Error('pgbouncer is not installed');
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'TERM', PROGRAM, join(this.#dir, 'pgbouncer.ini')],
      {
        cwd: this.#dir,
        env: { PATH },
        stdio: ['ignore', 'ignore', 'pipe'],
        ...userOf(),
      },
    );
    this.#child = child;
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#log.push(line);
      if (this.#log.length > KEPT_LINES) this.#log.shift();
    });
    try {
      await until('pgbouncer accepts logins', () => this.admin('show version').then(() => true));
    } catch (cause) {
      await this.kill();
      throw new Error(`pgbouncer does not start:\n${this.#log.join('\n')}`, { cause });
    }
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Runs a command of its console: `pause`, `show pools`, … */
  async admin(command: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return await withClient(this.address('pgbouncer'), async (client) => {
      const { rows } = await client.query<Record<string, unknown>>(command);
      return rows;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true });
  }

  #configure(settings: Readonly<Record<string, string>>): void {
    const { host, port, user, password } = this.#server;
    const users = join(this.#dir, 'users.txt');
    const own: Readonly<Record<string, string>> = {
      '*': `host=${host} port=${port}`,
      listen_port: String(this.#port),
      unix_socket_dir: '',
      auth_file: users,
      // Roles that tests make are looked up in the server.
      auth_user: user,
      admin_users: user,
      ...settings,
    };
    const known = readFileSync(EXAMPLE, 'utf8').split('\n');
    const names = known.map((line) => /^([*\w]+) =/.exec(line)?.[1] ?? '');
    const lines = [
      ...known.map((line, at) => {
        const name = names[at] ?? '';
        return own[name] === undefined ? line : `${name} = ${own[name]}`;
      }),
      ...Object.entries(own)
        .filter(([name]) => !names.includes(name))
        .map(([name, value]) => `${name} = ${value}`),
    ];
    writeFileSync(users, `"${user}" "${password}"\n`, { mode: 0o600 });
    const file = join(this.#dir, 'pgbouncer.ini');
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    const owner = userOf();
    for (const path of owner === undefined ? [] : [this.#dir, users, file]) {
      chownSync(path, owner?.uid ?? 0, owner?.gid ?? 0);
    }
  }
}

/** It refuses to run as root. */
function userOf(): { readonly uid: number; readonly gid: number } | undefined {
  return process.geteuid?.() === 0
    ? unprivilegedUser(readFileSync('/etc/passwd', 'utf8'))
    : undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
