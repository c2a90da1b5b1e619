import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import type { ServerUser } from './server-user.ts';

/** What decides about access to one file or folder. */
export interface Access {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Whether the mode bits let `user` do `wanted` (4 read, 2 write, 1 traverse or execute; or a sum). */
export function allows(access: Access, user: ServerUser, wanted: number): boolean {
  const shift = access.uid === user.uid ? 6 : access.gid === user.gid ? 3 : 0;
  return ((access.mode >> shift) & wanted) === wanted;
}

/** Whether `user` can come to `path` through all of its parents and read it. Call as root. */
export function isReachable(path: string, user: ServerUser): boolean {
  if (!existsSync(path)) return false;
  // Every folder counts that a link on the way leads through.
  const real = realpathSync(path);
  const stats = statSync(real);
  if (!allows(stats, user, stats.isDirectory() ? 5 : 4)) return false;
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    if (!allows(statSync(folder), user, 1)) return false;
    if (folder === dirname(folder)) return true;
  }
}
