import { withClient } from '#test/support/databases.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';

/** How the server counts the sessions of a service's pool. */
export interface OurSessions {
  readonly pool: number;
  readonly idleInTransaction: number;
}

/** Asks the server who is connected to this database for the pool `main`, past every pool. */
export async function ourSessions(address: TestServerAddress): Promise<OurSessions> {
  const [counts] = await withClient(
    address,
    async (client) =>
      (
        await client.query<OurSessions>(`
          select count(*)::int as "pool",
            (count(*) filter (where state like 'idle in transaction%'))::int as "idleInTransaction"
          from pg_stat_activity
          where application_name = 'tidegauge/main' and datname = current_database()`)
      ).rows,
  );
  return counts ?? { pool: 0, idleInTransaction: 0 };
}
