import { DatabaseError } from './database-error.ts';
import { mapDatabaseError } from './map-database-error.ts';

/** What a failed COMMIT means that was sent, as far as is known: an error is the server's answer, a lost connection is none. */
export function commitError(error: unknown): DatabaseError {
  const known = mapDatabaseError(error);
  if (known !== undefined && isAnswer(known)) {
    return known;
  }
  return new DatabaseError(
    'DB_COMMIT_UNKNOWN',
    'the connection was lost before commit was answered: the work may have been committed or not',
    known?.details,
    { cause: known ?? error },
  );
}

/** A server that ends the connection, or itself, may have written the commit before. */
function isAnswer({ code, details }: DatabaseError): boolean {
  if (details.sqlState === undefined) {
    const isLost = code === 'DB_CONNECTION_LOST' || code === 'DB_CONNECT_TIMEOUT';
    return !isLost || details['isSent'] === false;
  }
  // 25P03: the transaction had idled for too long, which is looked at before a statement is.
  return details['isFatal'] !== true || details.sqlState === '25P03';
}
