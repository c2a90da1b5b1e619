import { withClient } from '#test/support/databases.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { until } from '#test/support/until.ts';
import { KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { ourSessions } from './our-sessions.ts';
import { type PoolGauge, poolGauge } from './pool-gauge.ts';
import { Tally } from './tally.ts';

/** The pool of a service after a run. */
export interface PoolAfterwards {
  readonly gauge: PoolGauge;
  /** Sessions of the pool that the server counts. */
  readonly sessions: number;
  /** Connections that could be held at the same time. */
  readonly leased: number;
  /** What those who asked for them were answered. */
  readonly answers: Tally;
}

/** Reads the gauges of a pool that has been left alone, then asks for all its connections at once. */
export async function examinePool(url: string, server: TestServerAddress): Promise<PoolAfterwards> {
  const gauge = await until('the pool is at rest', async () => {
    const now = await poolGauge(url);
    return now.connecting === 0 ? now : undefined;
  });
  const { pool: sessions } = await ourSessions(server);
  const answers = new Tally();
  const clients = Array.from({ length: gauge.max }, () => new KeepAliveClient(url));
  const leased = await withClient(server, async (holder) => {
    await holder.query('begin; lock table users in access exclusive mode');
    const requests = clients.map(async (client, index) => {
      const email = `slot-${index}@example.com`;
      answers.add(nameOfExchange(await client.send('POST', '/users', { email, name: 'Ada' })));
    });
    // All wait for the lock, each with a connection, or are refused.
    const held = await until('all have a connection or an answer', async () => {
      const waiting = await waitingForLock(server);
      return waiting + answers.count() === gauge.max ? waiting : undefined;
    });
    await holder.query('rollback');
    await Promise.all(requests);
    return held;
  });
  for (const client of clients) client.close();
  return { gauge, sessions, leased, answers };
}

async function waitingForLock(server: TestServerAddress): Promise<number> {
  return await withClient(server, async (client) => {
    const { rowCount } = await client.query(`
      select from pg_stat_activity
      where application_name = 'tidegauge/main' and wait_event_type = 'Lock'`);
    return rowCount ?? 0;
  });
}
