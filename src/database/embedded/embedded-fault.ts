import { DatabaseError } from '#database/database-error.ts';

const FILE_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is not a folder',
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

/** Tells what a failed file operation on `path` means; a `DatabaseError` is passed on as it is. */
export function fileFault(error: unknown, path: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const code = systemCode(error);
  const reason = code === undefined ? undefined : FILE_FAULTS[code];
  if (reason === undefined)
    return serverFault(`${path} cannot be used (${code ?? 'unknown fault'})`, error);
  const where = `${path} cannot be written: ${reason}`;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? serverFault(where, error)
    : userFault(where, error);
}
