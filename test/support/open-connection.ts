import type { DatabaseConnection } from '#database/database-options.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';
import type { ConnectionOptions } from '#database/pool/pooled-connection.ts';

/** Opens one connection as the pool does, with all the time that a busy machine needs. */
export async function openConnection(
  connection: DatabaseConnection,
  changes: Partial<ConnectionOptions> = {},
): Promise<PooledConnection> {
  return await PooledConnection.open(
    {
      connection,
      applicationName: 'tidegauge-test',
      connectTimeoutMs: 10_000,
      sessionSettings: {},
      isPooled: false,
      ...changes,
    },
    { onBroken: () => undefined, signal: new AbortController().signal },
  );
}
