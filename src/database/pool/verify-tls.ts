import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';

/**
 * Asks the server whether what it gets is encrypted on its whole way; behind a pooler, where TLS ends, nobody can say.
 *
 * @throws DatabaseError `DB_TLS` when it is not
 */
export async function verifyTls(
  client: pg.Client,
  socket: Socket,
  isPooled: boolean,
): Promise<void> {
  if (!(socket instanceof TLSSocket)) {
    throw new DatabaseError('DB_TLS', 'bug: the driver has another socket than it was given');
  }
  if (isPooled) {
    return;
  }
  const { rows } = await client.query<{ ssl: boolean }>(
    'select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()',
  );
  if (rows[0]?.ssl !== true) {
    throw new DatabaseError(
      'DB_TLS',
      'the server says that it is reached in plain text: is a proxy or a pooler in between that ends TLS (see DB_POOLER)?',
    );
  }
}
