import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import {
  alive,
  eventually,
  serverPids,
  temporaryFolder,
  withClient,
} from '#test/support/embedded-owner.ts';

describe('an embedded server whose postmaster is killed', () => {
  const folder = temporaryFolder('killed');
  const log: string[] = [];
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startEmbeddedPostgres({
      dataDir: folder.path,
      persistent: true,
      log: (line) => log.push(line),
    });
    await withClient(server.connection, (client) =>
      client.query('create table acknowledged (n int)'),
    );
  });
  afterAll(async () => {
    await server.stop();
    folder.remove();
  });

  /** A backend that notices nothing of its postmaster's death, since it never waits. */
  const keepBusy = async (): Promise<Client> => {
    const client = new Client(server.connection);
    client.on('error', () => undefined);
    await client.connect();
    client.query('select count(*) from generate_series(1, 100000000000)').catch(() => undefined);
    return client;
  };

  it('is back on the same port, without its busy backends, and has every acknowledged row; five times', async () => {
    let acknowledged = 0;
    for (let round = 1; round <= 5; round += 1) {
      const busy = await Promise.all([keepBusy(), keepBusy()]);
      await withClient(server.connection, (client) =>
        client.query('insert into acknowledged values ($1)', [round]),
      );
      acknowledged += 1;
      const killed = await serverPids(server.pid, server.connection);
      await delay(50);

      process.kill(server.pid, 'SIGKILL');

      await eventually(async () => {
        const rows = await withClient(
          server.connection,
          async (client) => (await client.query('table acknowledged')).rows,
        );
        return rows.length === acknowledged && !killed.includes(server.pid);
      });
      expect(alive(killed)).toEqual([]);
      await Promise.all(busy.map((client) => client.end().catch(() => undefined)));
    }

    expect(log.filter((line) => line.includes('ended unexpectedly (SIGKILL)'))).toHaveLength(5);
  });

  it('is back when a backend was killed, which PostgreSQL heals itself', async () => {
    const { pid } = server;
    const backend = await withClient(server.connection, async (client) => {
      const { rows } = await client.query('select pg_backend_pid() as pid');
      process.kill(rows[0]?.pid, 'SIGKILL');
      return rows[0]?.pid;
    });

    await eventually(() => alive([backend]).length === 0);
    await eventually(() => withClient(server.connection, async () => true));

    expect(server.pid).toBe(pid);
    expect(log.at(-1)).not.toContain('ended unexpectedly');
  });
});
