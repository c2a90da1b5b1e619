import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { choosePort, LOOPBACK } from '#database/embedded/free-port.ts';
import { sendCancelRequest } from '#database/pool/cancel-request.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/until.ts';

const TIMEOUT_MS = 10_000;
const SHORT_MS = 100;

let proxy: TcpProxy;
let client: pg.Client;

beforeAll(async () => {
  proxy = await TcpProxy.start(inject('postgres').address);
});

beforeEach(async () => {
  const { address } = inject('postgres');
  client = new pg.Client({ ...address, ssl: false, application_name: 'tidegauge-test' });
  await client.connect();
});

afterEach(async () => {
  await client.end();
  await until('the proxy has no client', () => proxy.clients === 0 || undefined);
});

afterAll(async () => {
  await proxy.close();
});

/** The backend of the client, past the proxy. */
const target = (timeoutMs = TIMEOUT_MS) => ({
  host: proxy.host,
  port: proxy.port,
  pid: Number(Reflect.get(client, 'processID')),
  secretKey: Number(Reflect.get(client, 'secretKey')),
  timeoutMs,
});
const sqlStateOf = async (text: string) => {
  try {
    await client.query(text);
    return undefined;
  } catch (error) {
    return error instanceof pg.DatabaseError ? error.code : 'lost';
  }
};
const openSockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

describe('a cancel request', () => {
  it('ends the statement of its backend, and nothing else of the session', async () => {
    const statement = sqlStateOf('select pg_sleep(60)');
    await until('the statement runs', async () => (await isSleeping()) || undefined);

    expect(await sendCancelRequest(target())).toBe('confirmed');
    expect(await statement).toBe('57014');
    expect(await sqlStateOf('select 1')).toBeUndefined();
  });

  it('F22: once confirmed, hits no later statement in a thousand races', async () => {
    const raced: (string | undefined)[] = [];
    const later: (string | undefined)[] = [];

    for (let round = 0; round < 1000; round += 1) {
      const race = sqlStateOf('select pg_sleep(random() * 0.006)');
      expect(await sendCancelRequest(target())).toBe('confirmed');
      raced.push(await race);
      later.push(await sqlStateOf('select pg_sleep(0)'));
    }

    expect(new Set(raced)).toEqual(new Set([undefined, '57014']));
    expect(new Set(later)).toEqual(new Set([undefined]));
  });

  it('F22: that is not confirmed may hit a later statement, which is why it is called unknown', async () => {
    proxy.hold();
    expect(await sendCancelRequest(target(SHORT_MS))).toBe('unknown');

    const innocent = sqlStateOf('select pg_sleep(60)');
    await until('the statement runs', async () => (await isSleeping()) || undefined);
    proxy.letThrough();

    expect(await innocent).toBe('57014');
  });

  it('with a wrong key is confirmed and cancels nothing', async () => {
    const statement = sqlStateOf('select pg_sleep(0.2)');
    const { secretKey } = target();

    expect(await sendCancelRequest({ ...target(), secretKey: ~secretKey })).toBe('confirmed');
    expect(await statement).toBeUndefined();
  });

  it('is unsent when nobody listens, when the name is not known and when the socket is not there', async () => {
    const refused = { ...target(), host: LOOPBACK, port: await choosePort(undefined) };
    const unnamed = { ...target(), host: 'nowhere.invalid' };
    const noSocket = { ...target(), host: '/nonexistent' };

    expect(await Promise.all([refused, unnamed, noSocket].map(sendCancelRequest))).toEqual([
      'unsent',
      'unsent',
      'unsent',
    ]);
  });

  it('is unsent when no connection is made in time', async () => {
    expect(await sendCancelRequest({ ...target(SHORT_MS), host: '192.0.2.1' })).toBe('unsent');
  });

  it('is unknown when its connection is reset', async () => {
    proxy.hold();
    const outcome = sendCancelRequest(target());
    await until('the proxy has the request', () => proxy.clients > 0 || undefined);
    proxy.cut();

    expect(await outcome).toBe('unknown');
    proxy.letThrough();
  });

  it('leaves no socket behind, however it ends', async () => {
    const before = openSockets();

    await sendCancelRequest(target());
    proxy.hold();
    await Promise.all(Array.from({ length: 20 }, () => sendCancelRequest(target(SHORT_MS))));
    await expect.poll(() => proxy.clients).toBe(0);
    proxy.letThrough();

    await expect.poll(openSockets).toBe(before);
  });
});

describe('a cancel request to a directory of sockets', () => {
  let directory: string;
  let server: Server;
  let received: Promise<Buffer>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidegauge-socket-'));
    server = createServer();
    received = once(server, 'connection').then(async ([socket]: Socket[]) => {
      const [bytes] = await once(socket ?? server, 'data');
      socket?.end();
      return bytes;
    });
    server.listen(join(directory, '.s.PGSQL.5433'));
    await once(server, 'listening');
  });

  afterAll(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });

  it('is the sixteen bytes that PostgreSQL documents, numbers below zero included', async () => {
    const outcome = await sendCancelRequest({
      host: directory,
      port: 5433,
      pid: 258,
      secretKey: -2,
      timeoutMs: TIMEOUT_MS,
    });

    expect(outcome).toBe('confirmed');
    expect((await received).toString('hex')).toBe('0000001004d2162e00000102fffffffe');
  });
});

async function isSleeping(): Promise<boolean> {
  const { address } = inject('postgres');
  const asking = new pg.Client({ ...address, ssl: false, application_name: 'tidegauge-test' });
  await asking.connect();
  try {
    const { rows } = await asking.query(
      `select 1 from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`,
      [target().pid],
    );
    return rows.length > 0;
  } finally {
    await asking.end();
  }
}
