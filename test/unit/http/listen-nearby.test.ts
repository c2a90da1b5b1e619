import type { RequestListener } from 'node:http';
import { expect, it } from 'vitest';
import { startHttpServer } from '#http/server.ts';
import { httpSettings, RecordingLog } from './http-fixture.ts';

const answer: RequestListener = (_request, response) => response.end('ok');

it('a port that nobody chose moves to the next free one', async () => {
  const log = new RecordingLog();
  const first = await startHttpServer(answer, httpSettings, log);
  await using _first = first.server;

  const second = await startHttpServer(
    answer,
    { ...httpSettings, port: first.port, mayMovePort: true },
    log,
  );
  await using _second = second.server;

  expect(second.port).toBeGreaterThan(first.port);
  expect(await (await fetch(`http://127.0.0.1:${second.port}`)).text()).toBe('ok');
});

it('a port that was chosen is had, or the start fails and says what to do', async () => {
  const log = new RecordingLog();
  const first = await startHttpServer(answer, httpSettings, log);
  await using _first = first.server;

  const taken = { ...httpSettings, port: first.port };
  await expect(startHttpServer(answer, taken, log)).rejects.toThrow(
    `127.0.0.1:${first.port} is already in use: stop the other program, or set PORT to`,
  );
  await expect(
    startHttpServer(answer, { ...taken, variablePrefix: 'MANAGEMENT_' }, log),
  ).rejects.toThrow('or set MANAGEMENT_PORT to another port');
});
