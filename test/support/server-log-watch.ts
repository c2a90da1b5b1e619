import { setTimeout as delay } from 'node:timers/promises';
import { withClient } from './databases.ts';
import type { ServerLog } from './server-log.ts';
import type { TestServerAddress } from './test-server.ts';

const INTERVAL_MS = 1000;

/** Looks once a second at what the service's sessions show in pg_stat_activity; returns what ends it. */
export function watchActivity(address: TestServerAddress, log: ServerLog): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const look = async () => {
    await withClient(address, async (client) => {
      while (!signal.aborted) {
        const { rows } = await client.query<{ application: string; query: string }>(
          `select application_name as application, query from pg_stat_activity where application_name like 'tidegauge/%'`,
        );
        for (const { application, query } of rows) {
          log.note(application, query);
        }
        await delay(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    });
  };
  // A test may end every backend of the server: the next look is on a new connection.
  const looking = (async () => {
    while (!signal.aborted) {
      await look().catch(() => undefined);
      await delay(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  })();
  return async () => {
    stopping.abort();
    await looking;
  };
}
