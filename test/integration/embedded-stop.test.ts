import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { alive, serverPids, temporaryFolder, withClient } from '#test/support/embedded-owner.ts';

const start = (options: { stopGraceMs?: number } = {}): Promise<EmbeddedServer> =>
  startEmbeddedPostgres({ dataDir: temporaryFolder('stop').path, persistent: false, ...options });

describe('stopping an embedded server', () => {
  it('ends the sessions that are still open', async () => {
    const server = await start();
    const client = new Client(server.connection);
    const ended = new Promise((resolve) => client.on('error', resolve));
    await client.connect();

    await server.stop();

    await expect(ended).resolves.toMatchObject({ code: '57P01' });
  });

  it('is done once, however often it is asked for', async () => {
    const server = await start();

    await Promise.all([server.stop(), server.stop()]);

    await expect(server.stop()).resolves.toBeUndefined();
  });

  it('works while the server is being started again after a kill', async () => {
    const server = await start();
    const pids = await serverPids(server.pid, server.connection);
    process.kill(server.pid, 'SIGKILL');

    await server.stop();

    expect(alive([...pids, server.pid])).toEqual([]);
    await expect(withClient(server.connection, async () => 'in')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('is waited for by a script that has nothing else to do', async () => {
    const module = import.meta.resolve('#database/embedded/embedded-postgres.ts');
    const script = `
      const { startEmbeddedPostgres } = await import(process.argv[1]);
      const server = await startEmbeddedPostgres(JSON.parse(process.argv[2]));
      await server.stop();
      console.log('stopped');
    `;
    const options = JSON.stringify({ dataDir: temporaryFolder('stop').path, persistent: false });

    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      script,
      fileURLToPath(module),
      options,
    ]);

    expect(stdout).toBe('stopped\n');
  });

  it('ends a server that hangs by force, after its deadline', async () => {
    const server = await start({ stopGraceMs: 300 });
    const pids = await serverPids(server.pid, server.connection);
    process.kill(server.pid, 'SIGSTOP');
    const since = performance.now();

    await server.stop();

    expect(alive(pids)).toEqual([]);
    expect(performance.now() - since).toBeLessThan(5_000);
  });
});
