import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { systemCode } from './embedded-fault.ts';
import { processTable } from './process-table.ts';
import { isForeignServer } from './server-label.ts';

/** What a server writes into `postmaster.pid`. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** Parses the eight lines of `postmaster.pid`; undefined while they are not complete. */
export function parsePostmasterFile(text: string): PostmasterFile | undefined {
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isSafeInteger(pid) || pid < 1 || !Number.isInteger(port) || port < 1)
    return undefined;
  return { pid, port, isReady: lines[7]?.trim() === 'ready' };
}

/** Reads `postmaster.pid` of a data directory; undefined when there is none. */
export function readPostmasterFile(cluster: string): PostmasterFile | undefined {
  try {
    return parsePostmasterFile(readFileSync(join(cluster, 'postmaster.pid'), 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Deletes a `postmaster.pid` whose pid is now somebody else's: PostgreSQL would take that process
 * for a running server. Call only while holding the folder, with none of its servers alive.
 */
export async function removeStalePostmasterFile(cluster: string): Promise<void> {
  const file = readPostmasterFile(cluster);
  if (file === undefined) return;
  const taken = (await processTable()).find(({ pid }) => pid === file.pid);
  if (taken !== undefined && !isForeignServer(taken.command)) {
    rmSync(join(cluster, 'postmaster.pid'), { force: true });
  }
}
