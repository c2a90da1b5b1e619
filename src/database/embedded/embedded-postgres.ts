import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';

import { findBinaries, installedBinaries } from './binaries.ts';
import { clusterDir, ensureCluster, nameForProgram, resetPassword } from './cluster.ts';
import { roleAccess, superuserAccess } from './embedded-access.ts';
import { fileFault, userFault } from './embedded-fault.ts';
import { ServerKeeper } from './embedded-server.ts';
import type { EmbeddedServer } from './embedded-server.ts';
import { newPassword, newRolePasswords, readState, writeState } from './embedded-state.ts';
import { takeFolder } from './folder-lock.ts';
import type { FolderLock } from './folder-lock.ts';
import { choosePort, isPortFree } from './free-port.ts';
import { startPostmaster } from './postmaster.ts';
import type { Postmaster } from './postmaster.ts';
import { readPostmasterFile, removeStalePostmasterFile } from './postmaster-file.ts';
import { makeFolder } from './private-file.ts';
import { serverArguments } from './server-arguments.ts';
import { folderLabel, newRunLabel } from './server-label.ts';
import { endServerProcesses } from './server-processes.ts';
import { serverUser } from './server-user.ts';
import { startWatchdog } from './start-watchdog.ts';
import type { Watchdog } from './start-watchdog.ts';

/** What an embedded server is started with. */
export interface EmbeddedPostgresOptions {
  /** The state folder: data, port and password are in it. Made when missing. */
  readonly dataDir: string;
  /** False: the folder must be empty or missing, is deleted with the server, and survives no crash of the machine. */
  readonly persistent: boolean;
  /** Further settings of the server, by their names in PostgreSQL. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where other programs than those of the npm package are: `initdb` and `postgres` of another version. */
  readonly binDir?: string;
  /** How long a fast shutdown may take before the server is ended by force; 8 000 unless told. */
  readonly stopGraceMs?: number;
  /** Told every line of the server's log and what the keeper does. */
  readonly log?: (line: string) => void;
}

const PORT_ATTEMPTS = 5;
// A fast shutdown writes a checkpoint. When it is cut short, the next start recovers.
const STOP_GRACE_MS = 8_000;

/**
 * Starts a PostgreSQL of our own on the loopback address and resolves when it accepts connections.
 * It is started again when it dies, and ends with this process however this process ends. Throws a
 * `DatabaseError`: `CONFIG_INVALID` where the user must act, else `DB_UNAVAILABLE`.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedServer> {
  const dataDir = resolve(options.dataDir);
  try {
    return await startIn(dataDir, options);
  } catch (error) {
    throw fileFault(error, dataDir);
  }
}

async function startIn(dataDir: string, options: EmbeddedPostgresOptions): Promise<EmbeddedServer> {
  const { stopGraceMs = STOP_GRACE_MS, log = () => undefined } = options;
  const lock = claimFolder(dataDir, options.persistent);
  const folder = folderLabel(dataDir);
  const label = newRunLabel(folder);
  let watchdog: Watchdog | undefined;
  const cleanUp = async (): Promise<void> => {
    if (options.persistent) lock.release();
    else await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
    await watchdog?.stop();
  };
  try {
    watchdog = await startWatchdog({
      label,
      graceMs: stopGraceMs,
      throwAway: options.persistent ? undefined : dataDir,
    });
    // What a killed service and its watchdog may have left behind.
    await endServerProcesses(folder, stopGraceMs);
    return await startServer(dataDir, label, { ...options, stopGraceMs, log }, cleanUp);
  } catch (error) {
    await endServerProcesses(label, stopGraceMs);
    await cleanUp().catch((fault: unknown) => log(`embedded postgresql: ${String(fault)}`));
    throw error;
  }
}

async function startServer(
  dataDir: string,
  label: string,
  options: EmbeddedPostgresOptions & Required<Pick<EmbeddedPostgresOptions, 'stopGraceMs' | 'log'>>,
  cleanUp: () => Promise<void>,
): Promise<EmbeddedServer> {
  const { persistent, settings = {}, binDir, stopGraceMs, log } = options;
  const cluster = clusterDir(dataDir);
  const user = serverUser(cluster);
  // Another user that runs the server must come through to its data.
  chmodSync(dataDir, user === undefined ? 0o700 : 0o711);
  const binaries = binDir === undefined ? findBinaries(user) : installedBinaries(binDir);
  const tools = { binaries, user, label };

  const remembered = readState(dataDir);
  const password = remembered?.password ?? newPassword();
  const rolePasswords = remembered?.rolePasswords ?? newRolePasswords();
  const isPasswordLost = remembered === undefined && existsSync(cluster);
  await ensureCluster(dataDir, tools, password, { sync: persistent });
  await removeStalePostmasterFile(cluster);
  if (isPasswordLost) await resetPassword(dataDir, tools, password);

  const launchOn = (port: number, signal: AbortSignal): Promise<Postmaster> =>
    startPostmaster({
      program: tools.binaries.postgres,
      args: serverArguments({
        clusterName: nameForProgram(cluster, user),
        port,
        label,
        persistent,
        settings,
      }),
      cluster,
      user,
      log,
      signal,
    });
  const { port, postmaster } = await startOnFreePort(remembered?.port, launchOn, (chosen) => {
    writeState(dataDir, { port: chosen, password, rolePasswords });
  });
  return new ServerKeeper(
    {
      access: {
        connection: superuserAccess(port, password),
        roles: roleAccess(port, rolePasswords),
      },
      dataDir,
      label,
      stopGraceMs,
      launch: async (signal) => {
        await removeStalePostmasterFile(cluster);
        return launchOn(port, signal);
      },
      log,
      cleanUp,
    },
    postmaster,
  );
}

/** Another program may take the port between our look at it and the server's start. */
async function startOnFreePort(
  remembered: number | undefined,
  launchOn: (port: number, signal: AbortSignal) => Promise<Postmaster>,
  remember: (port: number) => void,
): Promise<{ readonly port: number; readonly postmaster: Postmaster }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(attempt === 1 ? remembered : undefined);
    remember(port);
    try {
      return { port, postmaster: await launchOn(port, new AbortController().signal) };
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || (await isPortFree(port))) throw error;
    }
  }
}

function claimFolder(dataDir: string, persistent: boolean): FolderLock {
  makeFolder(dataDir, 0o700);
  if (!persistent && readdirSync(dataDir).length > 0) {
    throw userFault(
      `${dataDir} is not empty, so that it cannot be the folder of a throw-away server`,
    );
  }
  const lock = takeFolder(dataDir);
  if ('release' in lock) return lock;
  const port = readPostmasterFile(clusterDir(dataDir))?.port ?? readState(dataDir)?.port;
  throw userFault(
    `one is already running in ${dataDir} (process ${lock.heldBy}, port ${port ?? 'not chosen yet'}); stop that process first`,
  );
}
