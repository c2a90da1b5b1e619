import { DatabaseError } from '#database/database-error.ts';

/** What a caller was told: the code of a DatabaseError with its SQLSTATE, if it has one, else the error's own text. */
export function errorCode(error: unknown): string {
  return error instanceof DatabaseError
    ? [error.code, error.details.sqlState].filter((part) => part !== undefined).join(' ')
    : String(error);
}
