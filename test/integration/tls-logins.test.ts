import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsSettings } from '#config/settings.ts';
import { LOOPBACK } from '#database/embedded/free-port.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { sendCancelRequest } from '#database/pool/cancel-request.ts';
import { selfSigned, TestAuthority } from '#test/support/certificates.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { openConnection } from '#test/support/open-connection.ts';
import { SSL_REQUEST, TlsProxy } from '#test/support/tls-proxy.ts';
import { CERTIFIED_ROLE, CLEAR_TEXT_ROLE, MD5_ROLE, TlsServer } from '#test/support/tls-server.ts';
import { until } from '#test/support/until.ts';

const PASSWORD = 'c4n4ry-password';
const NAMES = [{ type: 'dns', value: 'localhost' }] as const;
const HOURS_MS = 3_600_000;

/** Messages of a server: type, length, method. */
const CLEAR_TEXT = Uint8Array.of(82, 0, 0, 0, 8, 0, 0, 0, 3);
const MD5 = Uint8Array.of(82, 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4);
const SCRAM = Buffer.from('52000000170000000a534352414d2d5348412d3235360000', 'hex');
const LET_IN = Buffer.from('5200000008000000005a0000000549', 'hex');

let authority: TestAuthority;
let server: TlsServer;
let verified: TlsSettings;
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  authority = await TestAuthority.create('known');
  server = resources.use(
    await TlsServer.start(
      await authority.issue({ commonName: 'db', names: NAMES, days: 20 }),
      authority,
    ),
  );
  verified = { mode: 'verify-full', rootCertFile: server.files.write('root.crt', authority.pem) };
  await server.query(
    `create role ${CERTIFIED_ROLE} login`,
    `create role ${CLEAR_TEXT_ROLE} login password '${PASSWORD}'`,
    `set password_encryption = 'md5'; create role ${MD5_ROLE} login password '${PASSWORD}'`,
  );
});

afterAll(() => resources.disposeAsync());

/** A connection to the server, or to what stands before it. */
function to(tls: TlsSettings | undefined, changes: Partial<DatabaseConnection> = {}) {
  const { password, ...address } = server.address;
  return {
    ...address,
    host: 'localhost',
    password: { reveal: () => password },
    ...(tls !== undefined && { tls }),
    ...changes,
  };
}

const asRole = (user: string) => ({ user, password: { reveal: () => PASSWORD } });

/** A server that answers each message of its client with the next of these; gives what it has heard. */
async function fakeServer(...answers: readonly Uint8Array[]): Promise<{
  readonly heard: () => string;
  readonly connection: DatabaseConnection;
  readonly server: Server;
}> {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    const rest = [...answers];
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      heard.push(bytes);
      socket.write(rest.shift() ?? '');
    });
  }).listen(0, LOOPBACK);
  await once(server, 'listening');
  resources.defer(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const connection = { host: LOOPBACK, port, database: 'db', ...asRole('ada') };
  return { heard: () => Buffer.concat(heard).toString('latin1'), connection, server };
}

describe('S23: a password', () => {
  it.each([
    ['in clear text', CLEAR_TEXT_ROLE],
    ['as an MD5 hash', MD5_ROLE],
  ])('that is wanted %s is given to a verified server alone', async (how, role) => {
    const outcome = async (tls: TlsSettings | undefined) =>
      await openConnection(to(tls, asRole(role))).then(
        async (opened) => {
          await opened.close(1000);
          return 'in';
        },
        (error: unknown) => String(error),
      );
    const refused = expect.stringContaining(`wants the password ${how}`);

    expect(await outcome(undefined)).toEqual(refused);
    expect(await outcome({ mode: 'require' })).toEqual(refused);
    expect(await outcome({ ...verified, mode: 'verify-ca' })).toBe('in');
    expect(await outcome(verified)).toBe('in');
  });

  it.each([
    ['clear text', [CLEAR_TEXT]],
    ['an MD5 hash', [MD5]],
    ['SCRAM first and clear text then', [SCRAM, CLEAR_TEXT]],
  ])('is not sent to a server that asks for %s', async (_how, answers) => {
    const { heard, connection } = await fakeServer(...answers);

    const failure = await failureOf(openConnection(connection));

    expect(failure).toMatchObject({ code: 'DB_TLS' });
    expect(heard()).toContain('ada');
    expect(heard()).not.toMatch(/c4n4ry|md5[0-9a-f]{32}/);
  });

  it('is proven by the server, too, before anything else is sent', async () => {
    const { heard, connection } = await fakeServer(SCRAM, LET_IN);

    const failure = await failureOf(openConnection(connection));

    expect(failure).toMatchObject({ code: 'DB_AUTH_FAILED' });
    expect(failure).toHaveProperty('message', expect.stringContaining('did not prove'));
    expect(heard()).not.toContain('select');
  });

  it('is bound to the channel: who relays it over TLS of his own is refused', async () => {
    const options = await selfSigned({ commonName: 'db', names: NAMES });
    const relay = resources.use(
      await TlsProxy.start(server.address, { kind: 'terminates', options, isRelaying: true }),
    );
    const through = { port: relay.port };

    const failure = await failureOf(openConnection(to({ mode: 'require' }, through)));

    expect(failure).toMatchObject({ code: 'DB_AUTH_FAILED' });
    // A password without a channel gets through it.
    const clear = { ...through, ...asRole(CLEAR_TEXT_ROLE) };
    const root = server.files.write('relay.crt', options.cert);
    const opened = await openConnection(to({ mode: 'verify-full', rootCertFile: root }, clear));
    await opened.close(1000);
  });
});

describe('S1: certificates of ours', () => {
  const user = { user: CERTIFIED_ROLE, password: undefined };
  const files = () => ({
    certFile: server.files.path('client.crt'),
    keyFile: server.files.path('client.key'),
  });
  const write = ({ cert, key }: { readonly cert: string; readonly key: string }) => {
    server.files.write('client.crt', cert);
    server.files.write('client.key', key);
  };

  it('let us in where the server wants one, rotated without a restart, and say which file is faulty', async () => {
    const other = await TestAuthority.create('other');
    const [stranger, own, renewed] = await Promise.all([
      other.issue({ commonName: CERTIFIED_ROLE }),
      authority.issue({ commonName: CERTIFIED_ROLE, days: 10 }),
      authority.issue({ commonName: CERTIFIED_ROLE, days: 30 }),
    ]);
    const connection = to({ ...verified, ...files() }, user);
    const outcomes: unknown[] = [];
    const outcome = async (step: string, target = connection) => {
      try {
        const opened = await openConnection(target);
        const leftMs = (opened.certificatesExpireAt ?? 0) - Date.now();
        await opened.close(1000);
        outcomes.push([step, 'in', Math.round(leftMs / HOURS_MS / 24)]);
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        outcomes.push([step, code, /DB_SSL_\w+/.exec(message)?.[0]]);
      }
    };

    await outcome('no certificate', to(verified, user));
    await outcome('files that are not there');
    write(stranger);
    await outcome('of a stranger');
    write(own);
    await outcome('of ours');
    server.files.write('client.crt', renewed.cert);
    await outcome('the certificate is new, its key is not yet');
    server.files.write('client.key', renewed.key.slice(0, 60));
    await outcome('the key is half written');
    server.files.write('client.key', renewed.key);
    await outcome('renewed');
    server.files.write('root.crt', other.pem);
    await outcome('other authorities');
    server.files.write('root.crt', authority.pem);
    await outcome('the authority is back');

    expect(outcomes).toEqual([
      ['no certificate', 'DB_AUTH_FAILED', undefined],
      ['files that are not there', 'DB_TLS', 'DB_SSL_CERT'],
      // The server's alert may be overtaken by the end of its connection (TLS 1.3).
      ['of a stranger', expect.stringMatching(/^DB_(?:TLS|CONNECTION_LOST)$/), undefined],
      ['of ours', 'in', 10],
      ['the certificate is new, its key is not yet', 'DB_TLS', 'DB_SSL_KEY'],
      ['the key is half written', 'DB_TLS', 'DB_SSL_KEY'],
      ['renewed', 'in', 20],
      ['other authorities', 'DB_TLS', undefined],
      ['the authority is back', 'in', 20],
    ]);
  });
});

describe('a connection over TLS', () => {
  it('is known to be dead when its backend is', async () => {
    const opened = await openConnection(to(verified));

    await server.query(`select pg_terminate_backend(${opened.pid ?? 0})`);

    await until('its end is noticed', () => !opened.isAlive || undefined);
    expect(opened.isQuiet).toBe(false);
    await opened.destroy();
  });

  it('ends, and not the process, when the server sends what the driver cannot read', async () => {
    const unknownLogin = Uint8Array.of(82, 0, 0, 0, 8, 0, 0, 0, 99);
    const { connection } = await fakeServer(unknownLogin);
    const options = await authority.issue({ commonName: 'db', names: NAMES });
    const proxy = resources.use(await TlsProxy.start(connection, { kind: 'terminates', options }));

    const failure = await failureOf(openConnection(to(verified, { port: proxy.port })));

    expect(failure).toMatchObject({ code: 'DB_CONNECTION_LOST' });
  });

  it('is given up when the handshake does not end, and leaves no socket', async () => {
    const silent = resources.use(
      await TlsProxy.start(server.address, { kind: 'injects', bytes: Uint8Array.of() }),
    );

    const connection = to(verified, { port: silent.port });
    const failure = await failureOf(openConnection(connection, { connectTimeoutMs: 200 }));

    expect(failure).toMatchObject({ code: 'DB_CONNECT_TIMEOUT' });
    expect(silent.beginnings).toEqual([SSL_REQUEST]);
    await until('the socket is closed', () => silent.sockets === 0 || undefined);
  });
});

describe('TLS that a pooler ends', () => {
  it('is known to the socket alone', async () => {
    const options = await authority.issue({ commonName: 'pooler', names: NAMES });
    const pooler = resources.use(
      await TlsProxy.start(server.address, { kind: 'terminates', options }),
    );
    const connection = to(verified, { port: pooler.port, ...asRole(CLEAR_TEXT_ROLE) });

    const opened = await openConnection(connection, { isPooled: true });

    expect(opened.isAlive).toBe(true);
    await opened.close(1000);
    expect(await failureOf(openConnection(connection))).toMatchObject({ code: 'DB_TLS' });
  });
});

describe('S21: a request to cancel', () => {
  it('goes over TLS where the connection does', async () => {
    const wire = resources.use(await TlsProxy.start(server.address, { kind: 'passes' }));
    const connection = to(verified, { port: wire.port });
    const opened = await openConnection(connection);
    const { pid, secretKey } = opened.cancelKey ?? { pid: 0, secretKey: 0 };
    const asleep = opened.client.query('select pg_sleep(60)').catch((error: unknown) => error);

    await until('the statement runs', async () => {
      const sleeping = `select 1 from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`;
      return (await server.query(sleeping)).length > 0 || undefined;
    });
    const target = { ...connection, pid, secretKey, timeoutMs: 10_000 };
    const outcome = await sendCancelRequest(target);

    expect(outcome).toBe('confirmed');
    expect(await asleep).toMatchObject({ code: '57014' });
    expect(wire.beginnings).toEqual([SSL_REQUEST, SSL_REQUEST]);
    await opened.close(1000);
  });

  it('is unsent where the server cannot be verified', async () => {
    const tls = { mode: 'verify-full' } as const;

    const target = { ...to(tls), tls, pid: 1, secretKey: 1, timeoutMs: 10_000 };

    expect(await sendCancelRequest(target)).toBe('unsent');
  });
});
