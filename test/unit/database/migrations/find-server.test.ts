import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findServer, noServerError } from '#database/migrations/find-server.ts';

const connection = { host: 'h', port: 1, database: 'd', user: 'u', password: undefined };

it('the server of the settings is the one whose schema is meant', async () => {
  expect(await findServer({ connection, pooler: 'none' }, '/nowhere')).toBe(connection);
});

it('behind a transaction pooler no lock can be held, so the run is refused', async () => {
  await expect(findServer({ connection, pooler: 'pgbouncer' }, '/nowhere')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('DB_POOLER=none'),
  });
});

it('without a server in the settings and an embedded one that runs there is none', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidegauge-no-server-'));
  try {
    expect(await findServer({ connection: undefined, pooler: 'none' }, dataDir)).toBeUndefined();
    expect(noServerError()).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('npm start'),
    });
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
