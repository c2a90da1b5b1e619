import { execFile } from 'node:child_process';
import { appendFile, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { takeSnapshot } from '#database/server/server-snapshot.ts';
import type { ServerSnapshot } from '#database/server/server-snapshot.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { until } from '#test/support/until.ts';

let primary: EmbeddedServer;
let standby: EmbeddedServer;
/** Between the two. */
let link: TcpProxy;
const connections = new ServerConnections();

/** Copies a running server as `pg_basebackup` would, and starts the copy as a standby that follows through `link`. */
async function startStandby(): Promise<EmbeddedServer> {
  const { binDir } = inject('postgres');
  const { user, password } = primary.connection;
  const dataDir = await mkdtemp(join(tmpdir(), 'tidegauge-standby-'));
  const data = join(dataDir, 'data');
  const label = await withClient(primary.connection, async (client) => {
    await client.query(`select pg_backup_start('copy', true)`);
    await promisify(execFile)('cp', ['-a', join(primary.dataDir, 'data'), data]);
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(false)',
    );
    return rows[0]?.labelfile ?? '';
  });
  await rm(join(data, 'postmaster.pid'), { force: true });
  await writeFile(join(dataDir, 'state.json'), JSON.stringify({ password }));
  const { uid, gid } = await stat(data);
  for (const [name, text] of Object.entries({ backup_label: label, 'standby.signal': '' })) {
    await writeFile(join(data, name), text);
    await chown(join(data, name), uid, gid);
  }
  const { host, port } = link;
  await appendFile(
    join(data, 'postgresql.auto.conf'),
    `\nprimary_conninfo = 'host=${host} port=${port} user=${user} password=${password}'\n`,
  );
  return await startEmbeddedPostgres({
    dataDir,
    persistent: true,
    ...(binDir !== undefined && { binDir }),
  });
}

beforeAll(async () => {
  primary = await startOwnServer();
  link = await TcpProxy.start(primary.connection);
  standby = await startStandby();
});
afterEach(async () => {
  await connections.closeAll();
});
afterAll(async () => {
  const { dataDir } = standby;
  await standby.stop();
  await rm(dataDir, { recursive: true, force: true });
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
