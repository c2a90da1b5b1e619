import { readFileSync, statSync } from 'node:fs';

import { userFault } from './embedded-fault.ts';

/** The operating system's user that runs the server. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

// PostgreSQL refuses to run as root. macOS calls its user _postgres.
const CANDIDATES = ['postgres', '_postgres', 'nobody'] as const;

/** The first of postgres, _postgres and nobody that this text in the form of /etc/passwd names. */
export function unprivilegedUser(passwd: string): ServerUser | undefined {
  const rows = passwd.split('\n').map((line) => line.split(':'));
  for (const name of CANDIDATES) {
    const row = rows.find((fields) => fields[0] === name);
    const uid = Number(row?.[2]);
    const gid = Number(row?.[3]);
    // macOS lists nobody as -2, which no spawn accepts.
    if (Number.isInteger(uid) && uid > 0 && Number.isInteger(gid) && gid >= 0) return { uid, gid };
  }
  return undefined;
}

/**
 * Whom the server must run as: undefined means the user of this process. For root it is the owner
 * of the data that exist already, else an unprivileged user of the system; throws without one.
 */
export function serverUser(clusterDir: string): ServerUser | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const existing = statSync(clusterDir, { throwIfNoEntry: false });
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid };
  const user = unprivilegedUser(readFileSync('/etc/passwd', 'utf8'));
  if (user === undefined) {
    throw userFault(
      'it cannot run as root, and this system has neither a user postgres nor nobody; start as an ordinary user or set DATABASE_URL',
    );
  }
  return user;
}
