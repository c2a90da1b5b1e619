import type { EntityManager } from '@mikro-orm/postgresql';
import { BoundConnection } from './bound-connection.ts';
import { DatabaseError } from './database-error.ts';
import { keepStream } from './session-entity-manager.ts';

/** Rows of a batch unless told: some tens of kilobytes of short rows. */
const BATCH_SIZE = 1000;

/**
 * The rows of a statement in batches, read by a cursor as they are asked for, `?` being its parameters. Whoever stops
 * early closes the cursor; what is left open is closed with the session. The statement timeout counts from the first
 * batch to the last, the reader's pauses included.
 *
 * @throws DatabaseError as any statement
 */
export function streamRows<T extends object>(
  db: EntityManager,
  query: string,
  values: readonly unknown[] = [],
  batchSize = BATCH_SIZE,
): AsyncGenerator<readonly T[], void, undefined> {
  // Whether the session has ended is looked at here.
  const em = db.getContext();
  const connection: unknown = em.getConnection('read');
  if (!(connection instanceof BoundConnection)) {
    throw new DatabaseError('DB_SESSION_MISSING', 'bug: rows are streamed in a session');
  }
  return keepStream(
    em,
    connection.streamBatches<T>(query, values, batchSize, em.getTransactionContext()),
  );
}
