import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { DatabaseConnection } from '#database/database-options.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';

/** A server of the test's own, and what its clients did. */
async function serverThat(answer: (socket: Socket) => void) {
  const connected = Promise.withResolvers<void>();
  const clients = { accepted: 0, open: 0 };
  const server: Server = createServer((socket) => {
    connected.resolve();
    clients.accepted += 1;
    clients.open += 1;
    socket.on('error', () => undefined);
    socket.on('close', () => (clients.open -= 1));
    socket.resume();
    answer(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    clients,
    /** Resolves with the first client. */
    connected: connected.promise,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

function opening(
  connection: Partial<DatabaseConnection>,
  signal = new AbortController().signal,
  timeoutMs = 200,
) {
  return PooledConnection.open(
    {
      connection: {
        host: '127.0.0.1',
        port: 1,
        database: 'd',
        user: 'u',
        password: { reveal: () => 'c4n4ry' },
        ...connection,
      },
      applicationName: 'tidegauge/unit',
      connectTimeoutMs: timeoutMs,
      sessionSettings: {},
      isPooled: false,
    },
    { onBroken: () => undefined, signal },
  );
}

describe('opening a connection', () => {
  it('to a server that says nothing ends at the deadline and closes the socket', async () => {
    await using silent = await serverThat(() => undefined);
    const startedAt = performance.now();

    await expect(opening({ port: silent.port })).rejects.toMatchObject({
      code: 'DB_CONNECT_TIMEOUT',
      details: { host: '127.0.0.1', port: silent.port },
    });

    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(silent.clients.accepted).toBe(1);
    await expect.poll(() => silent.clients.open).toBe(0);
  });

  it('ends when its signal is aborted', async () => {
    await using silent = await serverThat(() => undefined);
    const abort = new AbortController();
    const attempt = opening({ port: silent.port }, abort.signal, 60_000);
    silent.connected.then(
      () => abort.abort(),
      () => undefined,
    );

    await expect(attempt).rejects.toMatchObject({ code: 'DB_CLOSED' });

    await expect.poll(() => silent.clients.open).toBe(0);
  });

  it.each([
    ['closes at once', (socket: Socket) => void socket.end(), 'DB_CONNECTION_LOST'],
    ['resets', (socket: Socket) => void socket.resetAndDestroy(), 'DB_CONNECTION_LOST'],
    [
      'asks for a password in a way that nobody knows',
      // Authentication request 99.
      (socket: Socket) => void socket.write(Buffer.from([82, 0, 0, 0, 8, 0, 0, 0, 99])),
      'DB_CONNECTION_LOST',
    ],
  ])('to a server that %s fails and closes the socket', async (_what, answer, code) => {
    await using server = await serverThat(answer);

    await expect(opening({ port: server.port }, undefined, 2000)).rejects.toMatchObject({ code });

    await expect.poll(() => server.clients.open).toBe(0);
  });

  it('where nobody listens says so, with host and port and never the password', async () => {
    const gone = await serverThat(() => undefined);
    await gone[Symbol.asyncDispose]();

    const failure: unknown = await opening({ port: gone.port }).catch((error: unknown) => error);

    expect(failure).toMatchObject({
      code: 'DB_CONNECT_REFUSED',
      message: expect.stringContaining(`127.0.0.1:${gone.port}`),
    });
    expect(JSON.stringify(failure) + String(failure)).not.toContain('c4n4ry');
  });

  it('waits for its password file no longer than the deadline, and never goes on afterwards', async () => {
    await using silent = await serverThat(() => undefined);
    const folder = await mkdtemp(join(tmpdir(), 'tidegauge-test-'));
    const passwordFile = join(folder, 'password');
    await promisify(execFile)('mkfifo', [passwordFile]);

    await expect(opening({ port: silent.port, passwordFile })).rejects.toMatchObject({
      code: 'DB_CONNECT_TIMEOUT',
    });

    // For reading as well: a pipe that nobody reads any more could not be opened.
    const writer = await open(passwordFile, 'r+');
    await writer.writeFile('late');
    await writer.close();
    await rm(folder, { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(silent.clients.accepted).toBe(0);
  });
});
