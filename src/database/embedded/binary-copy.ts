import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemCode, userFault } from './embedded-fault.ts';
import { isReachable } from './reachable.ts';
import type { ServerUser } from './server-user.ts';

/**
 * A copy of the package's `native` folder that `user` can run, in the system's temporary folder:
 * made once, used by all later starts of the same user, made again when files are missing from it.
 * `complete` finishes a new copy before anybody else sees it, and may find it finished.
 */
export function sharedCopy(
  root: string,
  name: string,
  user: ServerUser | undefined,
  complete: (copy: string) => void,
): string {
  const place = [tmpdir(), '/tmp', '/var/tmp'].find(
    (path) => user === undefined || isReachable(path, user),
  );
  if (place === undefined) {
    throw userFault(
      'its programs cannot be read by the user that runs the server, and neither can the temporary folder; set DATABASE_URL',
    );
  }
  const uid = process.geteuid?.() ?? 0;
  const copy = join(place, `${name}-${uid}`);
  if (isComplete(root, copy, uid)) {
    complete(copy);
    return copy;
  }

  const draft = mkdtempSync(`${copy}.`);
  chmodSync(draft, 0o755);
  copyTree(join(root, 'native'), join(draft, 'native'));
  complete(draft);
  publish(draft, copy, () => isComplete(root, copy, uid));
  return copy;
}

/** Whether `copy` is ours alone to write, and holds every file of the package in its full size. */
function isComplete(root: string, copy: string, uid: number): boolean {
  const own = lstatSync(copy, { throwIfNoEntry: false });
  if (own === undefined) return false;
  if (!own.isDirectory() || own.uid !== uid || (own.mode & 0o022) !== 0) {
    throw userFault(`${copy} was not made by this user; remove it`);
  }
  return filesOf(join(root, 'native')).every((path) => {
    const there = lstatSync(join(copy, 'native', path), { throwIfNoEntry: false });
    return there?.size === lstatSync(join(root, 'native', path)).size;
  });
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    lstatSync(join(folder, path)).isFile(),
  );
}

/** Modes are set anew: the package may have been installed under a umask that shuts others out. */
function copyTree(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyTree(source, target);
    else if (entry.isFile()) {
      copyFileSync(source, target);
      chmodSync(target, (lstatSync(source).mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
}

/** Puts a finished copy in its place. Running servers keep what they have opened of an older one. */
function publish(draft: string, copy: string, isPublished: () => boolean): void {
  for (;;) {
    try {
      renameSync(draft, copy);
      return;
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
    }
    if (isPublished()) {
      rmSync(draft, { recursive: true, force: true });
      return;
    }
    const old = `${draft}.old`;
    try {
      renameSync(copy, old);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    rmSync(old, { recursive: true, force: true });
  }
}
