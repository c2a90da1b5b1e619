import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { withClient } from './databases.ts';
import { until } from './until.ts';

/** As `pg_ctl restart -m fast`, on the same port; resolves when the server accepts logins again. */
export async function restartServer(server: EmbeddedServer): Promise<void> {
  const { pid } = server;
  process.kill(pid, 'SIGINT');
  await until('the restarted server accepts logins', async () =>
    server.pid === pid ? undefined : await withClient(server.connection, async () => true),
  );
}
