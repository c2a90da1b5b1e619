import { randomBytes } from 'node:crypto';
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';

import type { Binaries } from './binaries.ts';
import { systemCode, userFault } from './embedded-fault.ts';
import { writePrivateFile } from './private-file.ts';
import { isReachable } from './reachable.ts';
import { runProgram } from './run-program.ts';
import type { ServerUser } from './server-user.ts';

/** Names that exist after the first start. */
export const SUPERUSER = 'postgres';
export const DATABASE = 'tidegauge';

/** Majors whose `initdb` learned what is asked of it here. */
const BUILTIN_LOCALES_SINCE = 17;
const SET_SINCE = 16;

/** What the programs need to know to work on a data directory. */
export interface ClusterTools {
  readonly binaries: Binaries;
  /** Undefined: the user of this process. */
  readonly user: ServerUser | undefined;
  /** Mark of the processes, see `folderLabel`. */
  readonly label: string;
}

/** PostgreSQL's own data directory inside the state folder. */
export function clusterDir(dataDir: string): string {
  return join(dataDir, 'data');
}

/**
 * How a program that runs as `user` in the folder `path` names that folder. A user that cannot come
 * through the parents (a closed home directory) still works in the folder that root started it in:
 * Linux resolves /proc/self/cwd without looking at the parents.
 */
export function nameForProgram(path: string, user: ServerUser | undefined): string {
  if (user === undefined || isReachable(path, user)) return realpathSync(path);
  if (process.platform === 'linux') return '/proc/self/cwd';
  throw userFault(
    `${path} cannot be reached by the user that runs the server (uid ${user.uid}); start as an ordinary user or set DATABASE_URL`,
  );
}

/**
 * Makes the data directory with the superuser and the application's database, unless it exists: as
 * a whole or not at all. Throws `CONFIG_INVALID` for data of another major version or user.
 */
export async function ensureCluster(
  dataDir: string,
  tools: ClusterTools,
  password: string,
  options: { readonly sync: boolean },
): Promise<void> {
  const cluster = clusterDir(dataDir);
  if (checkVersion(cluster, tools.binaries.major)) return;

  removeHalfMade(dataDir);
  const id = randomBytes(4).toString('hex');
  const draft = join(dataDir, `initdb-${id}`);
  const secret = join(dataDir, `initdb-password-${id}`);
  mkdirSync(draft, { mode: 0o700 });
  try {
    writePrivateFile(secret, `${password}\n`);
    if (tools.user !== undefined) {
      for (const path of [draft, secret]) chownSync(path, tools.user.uid, tools.user.gid);
    }
    const name = nameForProgram(draft, tools.user);
    await runProgram(
      tools.binaries.initdb,
      [
        '-D',
        name,
        `--username=${SUPERUSER}`,
        `--pwfile=${name}/../initdb-password-${id}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        ...(tools.binaries.major < BUILTIN_LOCALES_SINCE
          ? ['--lc-ctype=C.UTF-8']
          : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']),
        '--no-instructions',
        ...(tools.binaries.major < SET_SINCE ? [] : ['--set', `cluster_name=${tools.label}`]),
        ...(options.sync ? [] : ['--no-sync']),
      ],
      { cwd: draft, user: tools.user },
    );
    await runStatement(draft, tools, `CREATE DATABASE ${DATABASE}`);
    renameSync(draft, cluster);
  } finally {
    rmSync(secret, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Gives the superuser of a stopped cluster another password: for when the old one is lost. */
export async function resetPassword(
  dataDir: string,
  tools: ClusterTools,
  password: string,
): Promise<void> {
  if (!/^[\w-]+$/u.test(password)) throw new TypeError('bug: the password would need quoting');
  await runStatement(clusterDir(dataDir), tools, `ALTER ROLE ${SUPERUSER} PASSWORD '${password}'`);
}

async function runStatement(folder: string, tools: ClusterTools, statement: string): Promise<void> {
  await runProgram(
    tools.binaries.postgres,
    [
      '--single',
      '-D',
      nameForProgram(folder, tools.user),
      '-c',
      `cluster_name=${tools.label}`,
      '-c',
      'exit_on_error=true',
      '-c',
      'log_min_error_statement=panic',
      '-c',
      'log_checkpoints=off',
      SUPERUSER,
    ],
    { cwd: folder, user: tools.user, input: `${statement}\n` },
  );
}

/** False when there is no data directory yet. */
function checkVersion(cluster: string, major: number): boolean {
  const stats = statSync(cluster, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  let version = '';
  try {
    version = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    if (systemCode(error) === 'EACCES') {
      throw userFault(
        `${cluster} belongs to another user (uid ${stats.uid}); start as that user or as root, or delete the folder to begin with an empty database`,
        error,
      );
    }
    throw userFault(
      `${cluster} is not a data directory of PostgreSQL; delete the folder to begin with an empty database`,
      error,
    );
  }
  if (Number(version) !== major) {
    throw userFault(
      `the data in ${cluster} were made by PostgreSQL ${version}, this service brings ${major}; dump them with the old version, or delete the folder to begin with an empty database`,
    );
  }
  return true;
}

/** What a start that was killed has left; call only while holding the folder. */
function removeHalfMade(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    if (name.startsWith('initdb-')) rmSync(join(dataDir, name), { recursive: true, force: true });
  }
}
