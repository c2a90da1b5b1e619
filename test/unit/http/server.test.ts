import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer, type HttpServer } from '#http/server.ts';
import { httpSettings, RecordingLog, testApp, workRoute, type TestApp } from './http-fixture.ts';

const open: HttpServer[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((server) => server.close({ drainMs: 0, graceMs: 0 })));
});

async function serve(
  target: TestApp = testApp(),
  overrides: Partial<typeof httpSettings> = {},
): Promise<{ server: HttpServer; port: number; log: RecordingLog }> {
  const server = createHttpServer(target.app, { ...httpSettings, ...overrides }, target.log);
  open.push(server);
  const { port } = await server.listen();
  return { server, port, log: target.log };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** All that the server says until it closes the connection. */
async function conversation(port: number, text: string): Promise<string> {
  const socket = await dial(port);
  socket.write(text);
  return await everythingFrom(socket);
}

async function everythingFrom(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => (text += chunk));
  await once(socket, 'close');
  return text;
}

function problemIn(answer: string): unknown {
  return JSON.parse(answer.split('\r\n\r\n')[1] ?? 'null');
}

const HEAD = 'Host: x\r\nConnection: close\r\n';

describe('what the parser refuses is answered with a problem', () => {
  it.each([
    ['an unknown method', `FOO /items HTTP/1.1\r\n${HEAD}\r\n`],
    ['a lower-case method', `get /items HTTP/1.1\r\n${HEAD}\r\n`],
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001'],
    ['a path with a space', `GET /it ems HTTP/1.1\r\n${HEAD}\r\n`],
    [
      'length and encoding both',
      `POST /items HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'two lengths',
      `POST /items HTTP/1.1\r\n${HEAD}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd`,
    ],
    ['a negative length', `POST /items HTTP/1.1\r\n${HEAD}Content-Length: -4\r\n\r\nabcd`],
    [
      'a header with a line break inside',
      `GET /items HTTP/1.1\r\n${HEAD}X-Request-Id: a\nb\r\n\r\n`,
    ],
    [
      'a bad chunk',
      `POST /items HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ],
    ['no Host', 'GET /items HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ])('as 400: %s', async (_what, text) => {
    const { port } = await serve();

    const answer = await conversation(port, text);

    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch(/\r\nContent-Type: application\/problem\+json\r\n/);
    expect(answer).toMatch(/\r\nX-Request-Id: \S+\r\n/);
    expect(problemIn(answer)).toMatchObject({ status: 400, code: 'INPUT_INVALID' });
  });

  it.each([
    ['a header', `GET /items HTTP/1.1\r\n${HEAD}X-Long: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['a URL', `GET /items?${'a'.repeat(20_000)} HTTP/1.1\r\n${HEAD}\r\n`],
  ])('as 431: %s of 20 KB', async (_what, text) => {
    const { port, log } = await serve();

    const answer = await conversation(port, text);

    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(problemIn(answer)).toMatchObject({ status: 431, code: 'INPUT_INVALID' });
    expect(log.lines).toMatchObject([{ event: 'http.refused', status: 431 }]);
    expect(JSON.stringify(log.lines)).not.toContain('aaaa');
  });

  it('as 408: headers that come too slowly', async () => {
    const { port } = await serve(testApp(), { headersTimeoutMs: 300, receiveTimeoutMs: 600 });

    const answer = await conversation(port, 'GET /items HTTP/1.1\r\nHost: x\r\n');

    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(problemIn(answer)).toMatchObject({ status: 408, code: 'REQUEST_TIMEOUT' });
  });

  it('as 408: a body that comes too slowly', async () => {
    const { port } = await serve(testApp(), { headersTimeoutMs: 300, receiveTimeoutMs: 600 });
    const head = `POST /items HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;

    const answer = await conversation(port, head);

    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(problemIn(answer)).toMatchObject({ status: 408, code: 'REQUEST_TIMEOUT' });
  });

  it('as 408: a connection that says nothing', async () => {
    const { port } = await serve(testApp(), { headersTimeoutMs: 300, receiveTimeoutMs: 600 });

    const answer = await conversation(port, '');

    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('as 405: CONNECT', async () => {
    const { port } = await serve();

    const answer = await conversation(port, `CONNECT example.com:443 HTTP/1.1\r\n${HEAD}\r\n`);

    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
  });

  it('as 415: a body without a Content-Type', async () => {
    const { port } = await serve();

    const answer = await conversation(
      port,
      `POST /items HTTP/1.1\r\n${HEAD}Content-Length: 12\r\n\r\n{"name":"a"}`,
    );

    expect(answer).toMatch(/^HTTP\/1\.1 415 /);
  });

  it('as 415: a Content-Type that is empty, in chunks', async () => {
    const { port } = await serve();

    const answer = await conversation(
      port,
      `POST /items HTTP/1.1\r\n${HEAD}Content-Type:\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{"name":"a"}\r\n0\r\n\r\n`,
    );

    expect(answer).toMatch(/^HTTP\/1\.1 415 /);
  });

  it('as 400: chunks without content', async () => {
    const { port } = await serve();

    const answer = await conversation(
      port,
      `POST /items HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    );

    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('a client that behaves strangely', () => {
  it('and leaves in the middle of its body opens no session and is no error', async () => {
    const target = testApp();
    const { port } = await serve(target);
    const socket = await dial(port);

    socket.end(
      `POST /items HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"na`,
    );
    await expect.poll(() => target.ended).toHaveLength(1);

    expect(target.sessions).toEqual([]);
    expect(target.log.lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it.each([
    'Upgrade: websocket\r\nConnection: Upgrade',
    'Expect: the-unexpected\r\nConnection: close',
  ])('is served in spite of %j', async (header) => {
    const { port } = await serve();
    const socket = await dial(port);

    socket.write(`GET /items HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
    const [chunk] = await once(socket, 'data');

    expect(String(chunk)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('and speaks HTTP/1.0 is served', async () => {
    const { port } = await serve();

    const answer = await conversation(port, 'GET /items HTTP/1.0\r\n\r\n');

    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('and sends too large a body sees the answer, not a reset', async () => {
    const { port } = await serve();
    const socket = await dial(port);
    const answer = everythingFrom(socket);

    socket.write(
      `POST /items HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 3000000\r\n\r\n`,
    );
    socket.write('a'.repeat(3_000_000));

    expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('listening', () => {
  it('says which port was chosen', async () => {
    const { port } = await serve();

    expect(port).toBeGreaterThan(0);
  });

  it('says that the port is taken, and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo; // adapter: a listener on TCP

    await expect(serve(testApp(), { port })).rejects.toThrow(
      `127.0.0.1:${port} is already in use: stop the other program, or set PORT to another port`,
    );
    other.close();
  });

  it('says that the address is none of ours', async () => {
    await expect(serve(testApp(), { host: '192.0.2.1' })).rejects.toThrow(
      'is no address of this machine: check HOST',
    );
  });

  it('brackets an IPv6 address', async () => {
    await expect(serve(testApp(), { host: '2001:db8::1' })).rejects.toThrow(
      '[2001:db8::1]:0 is no address of this machine',
    );
  });
});

describe('the end of a server', () => {
  it('announces itself on every answer of the drain', async () => {
    const { server, port } = await serve();
    const before = await fetch(`http://127.0.0.1:${port}/livez`);
    await before.text();

    const closed = server.close({ drainMs: 300, graceMs: 1000 });
    const during = await fetch(`http://127.0.0.1:${port}/livez`);
    await closed;

    expect(before.headers.get('connection')).toBe('keep-alive');
    expect(during.status).toBe(200);
    expect(during.headers.get('connection')).toBe('close');
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow('fetch failed');
  });

  it('lets a request finish that was in flight before the drain', async () => {
    const target = testApp({ routes: [workRoute(() => delay(400))] });
    const { server, port } = await serve(target);
    const answer = fetch(`http://127.0.0.1:${port}/work`, { method: 'POST' });
    await expect.poll(() => target.started).toHaveLength(1);

    await server.close({ drainMs: 0, graceMs: 5000 });
    const response = await answer;

    expect(response.status).toBe(204);
    expect(response.headers.get('connection')).toBe('close');
  });

  it('does not wait for the grace when nothing is in flight', async () => {
    const { server, port } = await serve();
    const idle = await dial(port);
    idle.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    const silent = await dial(port);
    const startedAt = performance.now();

    await server.close({ drainMs: 0, graceMs: 20_000 });

    expect(performance.now() - startedAt).toBeLessThan(3000);
    await expect.poll(() => [idle.destroyed, silent.destroyed]).toEqual([true, true]);
  });

  it('cuts what is in flight after the grace', async () => {
    const target = testApp({ routes: [workRoute(() => new Promise(() => undefined))] });
    const { server, port } = await serve(target, {});
    const answer = fetch(`http://127.0.0.1:${port}/work`, { method: 'POST' });
    const end = answer.then(
      () => 'answered',
      () => 'cut',
    );
    await expect.poll(() => target.started).toHaveLength(1);

    await server.close({ drainMs: 0, graceMs: 100 });

    await expect(end).resolves.toBe('cut');
    await expect.poll(() => target.ended).toMatchObject([{ status: 499 }]);
  });

  it('answers a request whose connection was opened just before it', async () => {
    const { server, port } = await serve();
    const socket = await dial(port);
    await delay(20);

    const closed = server.close({ drainMs: 0, graceMs: 5000 });
    await delay(50);
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    const answer = await everythingFrom(socket);
    await closed;

    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
  });

  it('may be asked for twice, and before there was a beginning', async () => {
    const { server } = await serve();
    const never = createHttpServer(testApp().app, httpSettings, new RecordingLog());

    await Promise.all([
      server.close({ drainMs: 0, graceMs: 0 }),
      server.close({ drainMs: 0, graceMs: 0 }),
      never.close({ drainMs: 0, graceMs: 0 }),
    ]);

    await expect(server.close({ drainMs: 0, graceMs: 0 })).resolves.toBeUndefined();
  });
});
