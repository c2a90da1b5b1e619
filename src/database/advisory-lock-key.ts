import { createHash } from 'node:crypto';

/**
 * The key of PostgreSQL's advisory lock of this name: the first 64 bits of its SHA-256. Advisory locks are per database, so
 * one key serves every database of a server.
 */
export function advisoryLockKey(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE().toString();
}
