import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DatabaseConnection } from '#database/database-options.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { ErrandProcess } from '#test/support/errand-process.ts';
import type { errands } from '#test/support/errands.ts';
import { startOwnServer } from '#test/support/own-server.ts';

/** Four times the grace that a pool of ours is closed with. */
const PATIENCE_MS = 2000;

let server: EmbeddedServer;

beforeAll(async () => {
  server = await startOwnServer();
});

afterAll(async () => {
  await server.stop();
});

/** Starts an errand and stops the backends that it names. */
async function withStoppedBackends<T>(
  name: keyof typeof errands,
  work: (errand: ErrandProcess) => Promise<T>,
): Promise<T> {
  const { password, ...address } = server.connection;
  const connection: DatabaseConnection = { ...address, password: { reveal: () => password } };
  await using errand = new ErrandProcess(name, connection);
  const pids = (await errand.said()) as number[];
  const signal = (kind: NodeJS.Signals) => pids.map((pid) => process.kill(pid, kind));
  signal('SIGSTOP');
  try {
    return await work(errand);
  } finally {
    signal('SIGCONT');
  }
}

it('F25: the end of a pool closes the sockets of backends that hang, idle and busy ones, and the process exits', async () => {
  const { said, ended } = await withStoppedBackends('closePool', async (errand) => {
    errand.goOn();
    return { said: await errand.said(), ended: await errand.ended };
  });

  expect(said).toEqual({ isInTime: true, sockets: 0, code: 'DB_CONNECTION_LOST' });
  expect(ended).toEqual({ code: 0, stderr: '' });
});

it('F25 control: the end of a plain pool leaves the socket open, and the process does not exit', async () => {
  const { said, ended } = await withStoppedBackends('plainClose', async (errand) => {
    errand.goOn();
    return {
      said: await errand.said(),
      ended: await Promise.race([errand.ended, delay(PATIENCE_MS, 'runs on')]),
    };
  });

  expect(said).toEqual({ sockets: 1 });
  expect(ended).toBe('runs on');
});
