import { linkSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { systemCode } from './embedded-fault.ts';
import { writePrivateDraft, writePrivateFile } from './private-file.ts';
import { processIdentity } from './process-identity.ts';

/** A folder held by this process. */
export interface FolderLock {
  /** Lets the next one take the folder. Idempotent. */
  release(): void;
}

const ATTEMPTS = 50;

/**
 * Takes a folder for this process, or tells the pid of the living process that holds it. Safe
 * against any number of simultaneous callers; a holder that died holds nothing.
 *
 * The holder is named in the `owner-<n>` of the highest n. Taking over makes n + 1 by a hard link,
 * which only one caller can; the newest file is never deleted, so that a late taker who still has
 * an old n in mind fails.
 */
export function takeFolder(folder: string): FolderLock | { readonly heldBy: number } {
  const mine = JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) });
  const draft = writePrivateDraft(join(folder, 'owner'), mine);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const newest = newestGeneration(folder);
      const holder = livingHolder(ownerFile(folder, newest));
      if (holder !== undefined) return { heldBy: holder };
      if (!tryLink(draft, ownerFile(folder, newest + 1))) continue;
      if (newestGeneration(folder) === newest + 1) {
        forgetBefore(folder, newest + 1);
        return { release: () => writePrivateFile(ownerFile(folder, newest + 1), '{}') };
      }
      rmSync(ownerFile(folder, newest + 1), { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new Error(`bug: ${folder} changed hands ${ATTEMPTS} times`);
}

function ownerFile(folder: string, generation: number): string {
  return join(folder, `owner-${generation}`);
}

function generations(folder: string): readonly number[] {
  return readdirSync(folder).flatMap((name) => {
    const number = /^owner-(\d+)$/u.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

function newestGeneration(folder: string): number {
  return Math.max(0, ...generations(folder));
}

function forgetBefore(folder: string, newest: number): void {
  for (const generation of generations(folder)) {
    if (generation < newest) rmSync(ownerFile(folder, generation), { force: true });
  }
}

function livingHolder(file: string): number | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (
      typeof owner !== 'object' ||
      owner === null ||
      !('pid' in owner) ||
      !('identity' in owner)
    ) {
      return undefined;
    }
    const { pid, identity } = owner;
    return typeof pid === 'number' && processIdentity(pid) === identity ? pid : undefined;
  } catch (error) {
    // Nobody has ever held it, or a newer owner has just deleted this file: the link decides.
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}
