import { setTimeout as delay } from 'node:timers/promises';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { SETTLED_MS } from '#database/embedded/restart-delay.ts';
import { withClient } from './databases.ts';
import { until } from './until.ts';

/** As `pg_ctl restart -m fast`, on the same port; resolves when the server accepts logins again. */
export async function restartServer(server: EmbeddedServer): Promise<void> {
  const { pid, connection } = server;
  const upMs = await withClient(connection, async (client) => {
    const { rows } = await client.query<{ ms: number }>(
      'select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 * 1000 as ms',
    );
    return rows[0]?.ms ?? 0;
  });
  // One that ends sooner than that is not started again at once.
  await delay(Math.max(0, 1.1 * SETTLED_MS - upMs));
  process.kill(pid, 'SIGINT');
  await until('the restarted server accepts logins', async () =>
    server.pid === pid ? undefined : await withClient(connection, async () => true),
  );
}
