import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import { readEmbeddedState } from '#database/embedded/read-embedded-state.ts';
import { temporaryFolder, withClient } from '#test/support/embedded-owner.ts';

describe('an embedded server that is stopped and started again', () => {
  const folder = temporaryFolder('restart');
  const options = { dataDir: folder.path, persistent: true };
  beforeAll(async () => {
    await using server = await startEmbeddedPostgres(options);
    await withClient(server.connection, (client) =>
      client.query('create table kept as select 42 as answer'),
    );
  });
  afterAll(() => folder.remove());

  const answer = async (): Promise<unknown> => {
    await using server = await startEmbeddedPostgres(options);
    return await withClient(
      server.connection,
      async (client) => (await client.query('table kept')).rows[0]?.answer,
    );
  };

  it('has its data, its port and its password as before', async () => {
    const first = await startEmbeddedPostgres(options);
    await first.stop();

    const second = await startEmbeddedPostgres(options);
    await second.stop();

    expect(second.connection).toEqual(first.connection);
    expect(await answer()).toBe(42);
  });

  it('is not found by other programs in between', async () => {
    const server = await startEmbeddedPostgres(options);
    await server.stop();

    expect(await readEmbeddedState(folder.path)).toBeUndefined();
  });

  it('moves to another port for good when another program has taken the old one', async () => {
    const first = await startEmbeddedPostgres(options);
    await first.stop();
    const intruder = createServer().listen(first.connection.port, '127.0.0.1');
    await once(intruder, 'listening');

    const second = await startEmbeddedPostgres(options);
    await second.stop();
    intruder.close();
    await once(intruder, 'close');
    const third = await startEmbeddedPostgres(options);
    await third.stop();

    expect(second.connection.port).not.toBe(first.connection.port);
    expect(third.connection.port).toBe(second.connection.port);
  });

  it('gets a new password when the old one is lost, and keeps its data', async () => {
    rmSync(join(folder.path, 'state.json'));

    expect(await answer()).toBe(42);
  });
});
