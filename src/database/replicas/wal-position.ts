import { DatabaseError } from '#database/database-error.ts';

// A page of the log begins with a header of at most 40 bytes; PostgreSQL's pages have 8192 unless it was built otherwise.
const PAGE = 8192n;
const PAGE_HEADER = 40n;

const WRITTEN = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/;

/**
 * Reads a position in the write-ahead log as PostgreSQL writes it, `0/3000060`, in bytes; undefined for anything else.
 * Right after the header of a page is where that page begins: nothing is written in between, and an idle server's next
 * record may stand behind the header while its last one, which is all that a replica can replay, ends before it.
 */
export function parseWalPosition(text: string): bigint | undefined {
  const [, high, low] = WRITTEN.exec(text) ?? [];
  if (high === undefined || low === undefined) {
    return undefined;
  }
  const position = (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
  const inPage = position % PAGE;
  return inPage <= PAGE_HEADER ? position - inPage : position;
}

/** The position that a reader names. Throws DatabaseError `DB_INVALID_TEXT` when it is none. */
export function wantedPosition(readAfter: string): bigint {
  const position = parseWalPosition(readAfter);
  if (position === undefined) {
    const message = 'readAfter is no position of a write-ahead log, such as 0/3041F60';
    throw new DatabaseError('DB_INVALID_TEXT', message);
  }
  return position;
}
