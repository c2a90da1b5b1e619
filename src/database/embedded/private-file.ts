import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { systemCode } from './embedded-fault.ts';

/** Writes a new file that only the owner of its folder may read (0600), and returns its path. */
export function writePrivateDraft(path: string, text: string): string {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  // `wx` follows no link that somebody else may have put there.
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
  handToOwnerOf(dirname(path), draft);
  return draft;
}

/** Replaces `path` as a whole by a file that only the owner of its folder may read (0600). */
export function writePrivateFile(path: string, text: string): void {
  const draft = writePrivateDraft(path, text);
  try {
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Makes a folder and its parents; a new one belongs to the owner of the first parent that existed. */
export function makeFolder(path: string, mode: number): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const parent = dirname(path);
  makeFolder(parent, 0o755);
  try {
    // Not `recursive`: where parents cannot be made, Node reports ENOENT or tries for ever.
    mkdirSync(path, { mode });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    throw error;
  }
  handToOwnerOf(parent, path);
}

/** Under root, what is made in a user's folder stays usable for that user. */
function handToOwnerOf(folder: string, path: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(folder);
  if (uid !== 0) chownSync(path, uid, gid);
}
