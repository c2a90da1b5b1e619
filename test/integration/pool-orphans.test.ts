import { afterEach, expect, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { until } from '#test/support/until.ts';

const LONG_QUERIES = 5;
/** Three times the interval at which a server looks that looks at all. */
const UNNOTICED_MS = 3000;

const RUNNING = `
  select from pg_stat_activity where application_name = 'tidegauge/main' and state = 'active'`;

const started: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of started.splice(0).toReversed()) {
    await each[Symbol.asyncDispose]();
  }
});

/**
 * Kills a service while it runs statements that take for ever; resolves to how many the server still runs, once it is
 * none or the patience is over.
 */
async function killWhileItWorks(
  server: EmbeddedServer,
  patienceMs: number,
): Promise<number | null> {
  const { host, port, user, password, database } = server.connection;
  const service = await ServiceProcess.start({
    env: {
      DATABASE_URL: `postgresql://${user}:${password}@${host}:${port}/${database}`,
      MIGRATE_ON_START: 'true',
      LOG_FORMAT: 'json',
      DB_STATEMENT_TIMEOUT_MS: '60000',
      DB_LOCK_TIMEOUT_MS: '60000',
      HTTP_REQUEST_TIMEOUT_MS: '120000',
    },
  });
  started.push(service);
  await service.logged('service.ready');
  // Whoever is in a transaction sees no news in pg_stat_activity.
  const running = () =>
    withClient(server.connection, async (client) => (await client.query(RUNNING)).rowCount);
  return await withClient(server.connection, async (holder) => {
    await holder.query('begin; lock table users in access exclusive mode');
    const requests = Array.from({ length: LONG_QUERIES }, () =>
      fetch(`${service.url}/users`).catch(() => undefined),
    );
    await expect.poll(running, { timeout: 10_000 }).toBe(LONG_QUERIES);
    service.signal('SIGKILL');
    await service.ended;
    await Promise.all(requests);
    return await until(
      'none is left',
      async () => ((await running()) === 0 ? 0 : undefined),
      patienceMs,
    ).catch(running);
  });
}

it('F32: nothing runs on for a service that was killed', async () => {
  const server = await startOwnServer();
  started.push(server);

  expect(await killWhileItWorks(server, 20_000)).toBe(0);
});

it('F32 control: a server that does not look at its clients runs their statements to the end', async () => {
  const server = await startOwnServer({ client_connection_check_interval: '0' });
  started.push(server);

  expect(await killWhileItWorks(server, UNNOTICED_MS)).toBe(LONG_QUERIES);
});
