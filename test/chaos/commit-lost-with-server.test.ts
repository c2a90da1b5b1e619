import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { withClient } from '#test/support/databases.ts';
import { errorCode } from '#test/support/error-code.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/until.ts';

const OTHERS = 20;
const XID = 'pg_current_xact_id_if_assigned()::text as xid';

describe('a server that is killed when a commit comes in', { timeout: 60_000 }, () => {
  let server: EmbeddedServer;
  let proxy: TcpProxy;
  let sessions: DatabaseSessionManager;

  beforeEach(async () => {
    // The log of a transaction that is not committed stays in memory, and dies with the server.
    server = await startOwnServer({ wal_writer_delay: '10000ms', autovacuum: 'off' });
    await query('create table writes (writer text)');
    proxy = await TcpProxy.start(server.connection, { isPostgres: true });
    sessions = new DatabaseSessionManager();
    await sessions.init({
      ...DEFAULT_DATABASE_OPTIONS,
      poolSize: 1,
      acquireTimeoutMs: 30_000,
      connection: {
        ...server.connection,
        port: proxy.port,
        password: { reveal: () => server.connection.password },
      },
    });
  });

  afterEach(async () => {
    await sessions.close();
    await proxy.close();
    await server.stop();
  });

  const query = (text: string, values: readonly string[] = []) =>
    withClient(
      server.connection,
      async (client) => (await client.query<{ xid: string }>(text, [...values])).rows,
    );

  it('F33: and gives its number to somebody else’s, who commits: the lost one is not taken for it', async () => {
    let ours = '';
    const cut = proxy
      .cutAt(({ from, type, text }) => from === 'client' && type === 'Q' && text === 'commit')
      .then(() => proxy.refuse());
    const outcome = sessions
      .session(
        async (db) => {
          await db.execute(`insert into writes values ('ours')`);
          const [row] = await db.execute<{ xid: string }[]>(`select ${XID}`);
          ours = row?.xid ?? '';
        },
        { confirmCommit: true },
      )
      .then(() => 'committed', errorCode);
    await cut;
    const { pid } = server;
    process.kill(pid, 'SIGKILL');
    await until('another postmaster accepts logins', async () =>
      server.pid === pid ? undefined : await query('select 1'),
    );
    const others: string[] = [];
    for (let other = 0; other < OTHERS; other += 1) {
      const [row] = await query(`insert into writes values ('other') returning ${XID}`);
      others.push(row?.xid ?? '');
    }
    const naive = await query('select pg_xact_status($1::xid8) as xid', [ours]);
    await proxy.listen();

    expect(await outcome).toBe('DB_CONNECTION_LOST');

    expect(await query(`select writer as xid from writes where writer = 'ours'`)).toEqual([]);
    // Without a look at the log's position, the number alone would have said this.
    expect(others).toContain(ours);
    expect(naive).toEqual([{ xid: 'committed' }]);
  });
});
