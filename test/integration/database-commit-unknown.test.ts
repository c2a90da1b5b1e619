import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import type { SessionOptions } from '#database/session-options.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { errorCode } from '#test/support/error-code.ts';
import { ProtocolReader } from '#test/support/protocol-reader.ts';
import type { ProtocolMessage } from '#test/support/protocol-reader.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const TIMES = 100;

let database: TestDatabase;
let proxy: TcpProxy;
let sessions: DatabaseSessionManager;

beforeAll(async () => {
  database = await TestDatabase.create();
  // No constraint: a write that is made twice is there twice.
  await database.query('create table writes (id int not null)');
});

beforeEach(async () => {
  await database.query('truncate writes');
  proxy = await TcpProxy.start(database.address, { isPostgres: true });
  sessions = await sessionsAt(proxy.port);
});

afterEach(async () => {
  await assertClean(sessions);
  await sessions.close();
  await proxy.close();
});

afterAll(async () => {
  await database.drop();
});

async function sessionsAt(
  port: number,
  acquireTimeoutMs = 10_000,
): Promise<DatabaseSessionManager> {
  const manager = new DatabaseSessionManager();
  await manager.init({
    ...database.options({ poolSize: 2, maxOverflow: 1, acquireTimeoutMs }),
    connection: { ...database.connection, port },
  });
  return manager;
}

const write = (id: number, options: SessionOptions, manager = sessions) =>
  manager.session((db) => db.execute('insert into writes values (?)', [id]), options);

const rows = async () =>
  await database.query<{ rows: number; ids: number }>(
    'select count(*)::int as rows, count(distinct id)::int as ids from writes',
  );

const commitSent = ({ from, type, text }: ProtocolMessage) =>
  from === 'client' && type === 'Q' && text === 'commit';
const commitAnswered = ({ from, type, text }: ProtocolMessage) =>
  from === 'server' && type === 'C' && text === 'COMMIT';

/** The server as it is, until it dies of a commit and says so with its last words. */
async function serverThatDiesOfCommit(severity: string, sqlState: string): Promise<Server> {
  const fields = `S${severity}\0C${sqlState}\0Mlast words\0\0`;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(length.length + fields.length);
  const server = createServer((client) => {
    const upstream = connect(database.address);
    const reader = new ProtocolReader();
    client.on('data', (chunk) => {
      if (reader.read('client', chunk).some(commitSent)) {
        client.end(Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]));
        upstream.destroy();
      } else {
        upstream.write(chunk);
      }
    });
    upstream.pipe(client, { end: false });
    upstream.on('close', () => client.destroySoon());
    client.on('close', () => upstream.destroy());
  }).listen(0, database.address.host);
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** Writes as often as told, each time cut at the message; counts what the callers were told. */
async function writesCutAt(
  isCut: (message: ProtocolMessage) => boolean,
  options: SessionOptions,
  times = TIMES,
): Promise<Readonly<Record<string, number>>> {
  const told: Record<string, number> = {};
  for (let id = 0; id < times; id += 1) {
    const cut = proxy.cutAt(isCut);
    const outcome = await write(id, options).then(() => 'committed', errorCode);
    await cut;
    told[outcome] = (told[outcome] ?? 0) + 1;
  }
  return told;
}

describe(`a commit whose answer is lost, ${TIMES} times`, { timeout: 120_000 }, () => {
  it.each([
    ['its answer', {}, 'unknown', commitAnswered, { DB_COMMIT_UNKNOWN: TIMES }, TIMES],
    ['itself', {}, 'unknown', commitSent, { DB_COMMIT_UNKNOWN: TIMES }, 0],
    [
      'its answer',
      { confirmCommit: true },
      'found to be committed',
      commitAnswered,
      { committed: TIMES },
      TIMES,
    ],
    [
      'itself',
      { confirmCommit: true },
      'found to be rolled back',
      commitSent,
      { DB_CONNECTION_LOST: TIMES },
      0,
    ],
  ])(
    'F33: cut at %s with %o is %s, every time, and nothing is written twice',
    async (_what, options, _outcome, isCut, told, written) => {
      expect(await writesCutAt(isCut, { ...options, repeatable: true })).toEqual(told);
      expect(await rows()).toEqual([{ rows: written, ids: written }]);
    },
  );

  it('F33: would be noticed if it were repeated: a caller that asks again writes twice', async () => {
    await writesCutAt(commitAnswered, {}, 10);
    await Promise.all(Array.from({ length: 10 }, (_unused, id) => write(id, {})));

    expect(await rows()).toEqual([{ rows: 20, ids: 10 }]);
  });
});

describe('a commit that is to be confirmed', () => {
  const confirmed = { confirmCommit: true };

  it('F33: stays unknown when the server cannot be asked, within the acquire timeout', async () => {
    await using hasty = await sessionsAt(proxy.port, 500);
    const cut = proxy.cutAt(commitAnswered).then(() => proxy.refuse());
    const startedAt = performance.now();

    await expect(write(1, confirmed, hasty)).rejects.toMatchObject({ code: 'DB_COMMIT_UNKNOWN' });

    expect(performance.now() - startedAt).toBeLessThan(10 * 500);
    await cut;
    expect(await rows()).toEqual([{ rows: 1, ids: 1 }]);
  });

  it('F33: is waited for while the server still works on it', async () => {
    await database.query(`
      create table slow_writes (id int);
      create function wait_at_commit() returns trigger language plpgsql as
        $$ begin perform pg_sleep(0.5); return null; end $$;
      create constraint trigger wait_at_commit after insert on slow_writes
        deferrable initially deferred for each row execute function wait_at_commit()`);
    const work = sessions.session(
      (db) => db.execute('insert into slow_writes values (1)'),
      confirmed,
    );
    await until('the commit is under way', async () => {
      const busy = await database.query(
        `select 1 from pg_stat_activity
         where query = 'commit' and state = 'active' and datname = current_database()`,
      );
      return busy[0];
    });
    proxy.cut();

    await work;

    expect(await database.query('select id from slow_writes')).toEqual([{ id: 1 }]);
  });

  it('is told apart from one that wrote nothing, and from a read-only session', async () => {
    const read = (options: SessionOptions) =>
      sessions.session((db) => db.execute('select 1 as one'), { ...confirmed, ...options });

    expect(await read({})).toEqual([{ one: 1 }]);
    expect(await read({ readOnly: true })).toEqual([{ one: 1 }]);
    expect(await read({ snapshot: true })).toEqual([{ one: 1 }]);
  });

  it('F33: that wrote nothing has no number to ask for, and stays unknown', async () => {
    const cut = proxy.cutAt(commitAnswered);

    const read = sessions.session((db) => db.execute('select 1'), confirmed);

    await expect(read).rejects.toMatchObject({ code: 'DB_COMMIT_UNKNOWN' });
    await cut;
  });
});

describe('a server that dies of a commit', () => {
  it.each([
    ['PANIC', '58030'],
    ['PANIC', '53100'],
    ['PANIK', '58030'],
    ['FATAL', '57P01'],
    ['FATAL', '57P02'],
    ['FATAL', 'XX000'],
  ])('F33: may have written it before: %s %s is no answer', async (severity, sqlState) => {
    await using server = await serverThatDiesOfCommit(severity, sqlState);
    await using mortal = await sessionsAt(portOf(server));

    const work = mortal.session((db) => db.execute('insert into writes values (1)'));

    await expect(work).rejects.toMatchObject({ code: 'DB_COMMIT_UNKNOWN', details: { sqlState } });
  });

  it('F39: of a transaction that idled for too long had not looked at it', async () => {
    await using server = await serverThatDiesOfCommit('FATAL', '25P03');
    await using mortal = await sessionsAt(portOf(server));

    const work = mortal.session((db) => db.execute('insert into writes values (1)'));

    await expect(work).rejects.toMatchObject({ code: 'DB_CONNECTION_LOST' });
  });
});
