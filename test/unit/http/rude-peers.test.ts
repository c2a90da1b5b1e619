import { once } from 'node:events';
import { connect } from 'node:net';
import type { RequestListener } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createHttpServer } from '#http/server.ts';
import { httpSettings, RecordingLog } from './http-fixture.ts';

async function listening(answer: RequestListener) {
  const server = createHttpServer(answer, httpSettings, new RecordingLog());
  return { server, ...(await server.listen()) };
}

it('a peer that asks for a tunnel and resets the connection ends no process', async () => {
  const { server, host, port } = await listening((_request, response) => response.end('ok'));
  await using _server = server;

  for (const pauseMs of [0, 1, 5, 20]) {
    const peer = connect(port, host).on('error', () => undefined);
    await once(peer, 'connect');
    peer.write('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n');
    await delay(pauseMs);
    peer.resetAndDestroy();
  }
  await delay(50);

  // An unhandled `error` of a socket would have ended this process.
  expect(await (await fetch(`http://${host}:${port}`)).text()).toBe('ok');
});

it('bytes that are no request are not taken for the answer of the request before them', async () => {
  const { server, host, port } = await listening((request, response) => {
    request.resume();
    setTimeout(() => response.writeHead(201).end('created'), 100);
  });
  await using _server = server;
  const peer = connect(port, host);
  let received = '';
  peer.setEncoding('utf8').on('data', (chunk: string) => void (received += chunk));

  peer.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}no request at all\r\n\r\n');
  await once(peer, 'close');

  expect(received).toMatch(/^HTTP\/1\.1 201 /);
  expect(received).toContain('created');
  expect(received).not.toContain(' 400 ');
});
