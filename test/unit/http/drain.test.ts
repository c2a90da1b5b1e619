import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createHttpServer, type CloseOptions } from '#http/server.ts';
import { httpSettings, testApp, workRoute } from './http-fixture.ts';
import type { Tally } from './keep-alive-clients.ts';

const CLIENTS = 50;
const WORK_MS = 5;

/** Serves clients that never pause from a thread of their own, closes in the middle, and tells how they fared. */
async function closeUnderLoad(options: CloseOptions): Promise<Tally> {
  const target = testApp({ routes: [workRoute(() => delay(WORK_MS))] });
  const server = createHttpServer(target.app, httpSettings, target.log);
  const { port } = await server.listen();
  const worker = new Worker(new URL('keep-alive-clients.ts', import.meta.url), {
    workerData: { port, clients: CLIENTS },
  });
  const told = once(worker, 'message');

  await expect.poll(() => target.ended.length, { timeout: 10_000 }).toBeGreaterThan(CLIENTS);
  await server.close(options);
  const [tally] = await told;
  await worker.terminate();
  return tally as Tally; // adapter: what the worker posts
}

describe('50 keep-alive clients', () => {
  it.each(Array.from({ length: 5 }, (_, round) => round + 1))(
    'lose nothing when the server drains for half a second, time %i',
    async () => {
      const { reset, refused } = await closeUnderLoad({ drainMs: 500, graceMs: 5000 });

      expect({ reset, refused }).toEqual({ reset: 0, refused: CLIENTS });
    },
    30_000,
  );

  it('do lose requests when the server cuts them off', async () => {
    const { reset } = await closeUnderLoad({ drainMs: 0, graceMs: 0 });

    expect(reset).toBeGreaterThan(0);
  }, 30_000);
});
