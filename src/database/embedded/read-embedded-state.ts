import { createConnection } from 'node:net';
import { existsSync } from 'node:fs';

import { clusterDir } from './cluster.ts';
import { roleAccess, superuserAccess } from './embedded-access.ts';
import type { EmbeddedAccess } from './embedded-server.ts';
import { readState } from './embedded-state.ts';
import { LOOPBACK } from './free-port.ts';
import { readPostmasterFile } from './postmaster-file.ts';
import { folderLabel } from './server-label.ts';
import { serverProcesses } from './server-processes.ts';

const CONNECT_DEADLINE_MS = 1_000;

/**
 * How to connect to the embedded server that another process runs in `dataDir`; undefined when none
 * runs there that is alive and accepts connections. Throws `CONFIG_INVALID` when the folder is not
 * ours to read.
 */
export async function readEmbeddedState(dataDir: string): Promise<EmbeddedAccess | undefined> {
  if (!existsSync(dataDir)) return undefined;
  const state = readState(dataDir);
  const file = state === undefined ? undefined : readPostmasterFile(clusterDir(dataDir));
  // A server of a version that knew no roles is one that runs no service of this one.
  if (state?.rolePasswords === undefined || file === undefined || !file.isReady) return undefined;
  const alive = await serverProcesses(folderLabel(dataDir));
  if (!alive.some(({ pid, role }) => pid === file.pid && role === 'main')) return undefined;
  if (!(await accepts(file.port))) return undefined;
  return {
    connection: superuserAccess(file.port, state.password),
    roles: roleAccess(file.port, state.rolePasswords),
  };
}

async function accepts(port: number): Promise<boolean> {
  const socket = createConnection({
    host: LOOPBACK,
    port,
    signal: AbortSignal.timeout(CONNECT_DEADLINE_MS),
  });
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
