import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { takeSnapshot } from '#database/server/server-snapshot.ts';
import type { ServerSnapshot } from '#database/server/server-snapshot.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import { Standby } from '#test/support/standby.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { until } from '#test/support/until.ts';

let primary: EmbeddedServer;
let replica: Standby;
let standby: EmbeddedServer;
/** Between the two. */
let link: TcpProxy;
const connections = new ServerConnections();

beforeAll(async () => {
  primary = await startOwnServer();
  link = await TcpProxy.start(primary.connection);
  replica = await Standby.start(primary, { upstream: link, binDir: inject('postgres').binDir });
  standby = replica.server;
});
afterEach(async () => {
  await connections.closeAll();
});
afterAll(async () => {
  await replica.stop();
  await link.close();
  await primary.stop();
});

/** Takes snapshots until one is as it should be. */
async function snapshotOf(
  address: TestServerAddress,
  what: string,
  isIt: (snapshot: ServerSnapshot) => boolean = () => true,
): Promise<ServerSnapshot> {
  const server = connections.open(address, { clock: new FakeClock() });
  return await until(what, async () => {
    const snapshot = await takeSnapshot(server);
    return isIt(snapshot) ? snapshot : undefined;
  });
}

const isUpToDate = ({ replicationLagSeconds }: ServerSnapshot) => replicationLagSeconds === 0;
const isBehind = ({ replicationLagSeconds = 0 }: ServerSnapshot) => replicationLagSeconds > 0;
const ask = async (server: EmbeddedServer, text: string) =>
  await withClient(server.connection, async (client) => (await client.query(text)).rows);

describe('the replication lag of a standby', () => {
  it('is 0 while it is connected and has replayed all it received', async () => {
    const seen = await snapshotOf(standby.connection, 'it follows', isUpToDate);

    expect(seen).toMatchObject({ isInRecovery: true, replicationLagSeconds: 0 });
  });

  it('is the age of the last transaction replayed while it replays nothing', async () => {
    await snapshotOf(standby.connection, 'it follows', isUpToDate);
    await ask(primary, 'create table replayed ()');
    await snapshotOf(standby.connection, 'it has followed', isUpToDate);

    await ask(standby, 'select pg_wal_replay_pause()');
    await ask(primary, 'create table received ()');
    const seen = await snapshotOf(standby.connection, 'it is behind', isBehind);
    const [row] = await ask(
      standby,
      'select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as age',
    );
    await ask(standby, 'select pg_wal_replay_resume()');
    const after = await snapshotOf(standby.connection, 'it has followed again', isUpToDate);

    expect(seen.replicationLagSeconds).toBeLessThan(row.age);
    expect(after.isInRecovery).toBe(true);
  });

  it('is that, too, when the standby is cut off, though it has replayed all it received', async () => {
    await ask(primary, 'create table before_the_cut ()');
    await snapshotOf(standby.connection, 'it follows', isUpToDate);

    link.reset();
    link.cut();
    const seen = await snapshotOf(standby.connection, 'it knows', isBehind);
    const naive = await ask(
      standby,
      'select pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() as "isUpToDate"',
    );
    link.letThrough();

    expect(seen.replicationLagSeconds).toBeGreaterThan(0);
    expect(naive).toEqual([{ isUpToDate: true }]);
    expect(await snapshotOf(standby.connection, 'it follows again', isUpToDate)).toBeDefined();
  });
});

describe('the replication lag of a primary', () => {
  it('is that of its standby, not known to a role without rights', async () => {
    await ask(primary, `create role plain login password 'plain'`);
    await ask(primary, `create role watcher login password 'watcher'`);
    await ask(primary, 'grant pg_monitor to watcher');
    await until('the standby follows', async () =>
      (await ask(primary, `select from pg_stat_replication where state = 'streaming'`)).length === 1
        ? true
        : undefined,
    );
    const as = (role: string) => ({ ...primary.connection, user: role, password: role });

    const [plain, watcher, owner] = await Promise.all([
      snapshotOf(as('plain'), 'a snapshot'),
      snapshotOf(as('watcher'), 'a snapshot'),
      snapshotOf(primary.connection, 'a snapshot'),
    ]);

    expect(plain).toMatchObject({ isInRecovery: false, replicationLagSeconds: undefined });
    expect(watcher.replicationLagSeconds).toBeGreaterThanOrEqual(0);
    expect(owner.replicationLagSeconds).toBeGreaterThanOrEqual(0);
  });
});
