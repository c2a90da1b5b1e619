import { DatabaseError } from '#database/database-error.ts';

const FILE_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is not a folder',
};

const MACHINE_FAULTS: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
]);

const SPAWN_FAULTS: Readonly<Record<string, string>> = {
  // The file is there, its loader is not: Alpine and other systems without glibc.
  ENOENT: 'the program or what it needs (glibc) is missing',
  EACCES: 'it may not be executed there (mounted noexec?)',
  EPERM: 'this root user may not become another user (a container without the right SETUID?)',
  EINVAL: 'that user does not exist in this user namespace',
};

/** The system's code of a failed call (`EACCES`, …), or undefined when there is none. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** A fault that the user must remove: `CONFIG_INVALID`. */
export function userFault(message: string, cause?: unknown): DatabaseError {
  return new DatabaseError('CONFIG_INVALID', `embedded postgresql: ${message}`, {}, { cause });
}

/** A fault of the server or the machine: `DB_UNAVAILABLE`. */
export function serverFault(message: string, cause?: unknown): DatabaseError {
  return new DatabaseError('DB_UNAVAILABLE', `embedded postgresql: ${message}`, {}, { cause });
}

/**
 * Tells what a failed file operation below `path` means. Whatever is not one, a `DatabaseError`
 * above all, is returned as it is.
 */
export function fileFault(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (error instanceof DatabaseError || code === undefined || !/^E[A-Z0-9]+$/u.test(code)) {
    return error;
  }
  const named = error instanceof Error && 'path' in error ? error.path : undefined;
  const where = typeof named === 'string' ? named : path;
  const message = `${where} cannot be used: ${FILE_FAULTS[code] ?? code}`;
  if (MACHINE_FAULTS.has(code)) return serverFault(message, error);
  return userFault(`${message}; make it writable for this user or set DATABASE_URL`, error);
}

/** Tells why the system did not run one of PostgreSQL's programs as `uid` (undefined: as ourselves). */
export function spawnFault(
  program: string,
  uid: number | undefined,
  error: unknown,
): DatabaseError {
  const code = systemCode(error) ?? 'unknown fault';
  const reason = SPAWN_FAULTS[code] ?? code;
  const as = uid === undefined ? '' : ` as the user ${uid}`;
  return userFault(
    `${program} cannot be run${as}: ${reason}; set DATABASE_URL to use a server of your own`,
    error,
  );
}
