import { EventEmitter } from 'node:events';
import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';

/** adapter: what pg keeps of its protocol is not public; a contract test fails loudly when it moves. */
export function innerConnection(client: pg.Client): EventEmitter {
  const inner: unknown = Reflect.get(client, 'connection');
  if (!(inner instanceof EventEmitter)) {
    throw new DatabaseError('DB_CONNECTION_LOST', 'bug: the connection of pg is not where it was');
  }
  return inner;
}
