import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { noServerError } from '#database/embedded/running-embedded.ts';
import { configuredMigrator, findServer } from '#database/migrations/find-server.ts';

const connection = { host: 'h', port: 1, database: 'd', user: 'u', password: undefined };
const direct = { ...connection, host: 'direct' };
const migration = { ...direct, user: 'owner' };
const ways = { connection, direct: undefined, migration: undefined, pooler: 'none' } as const;

it('the server of the settings is the one whose schema is meant', async () => {
  expect(await findServer(ways, '/nowhere')).toBe(connection);
});

it('who migrates is the owner of the schema, else whoever goes past the pooler', async () => {
  expect(configuredMigrator({ ...ways, direct, migration })).toBe(migration);
  expect(configuredMigrator({ ...ways, direct })).toBe(direct);
  expect(configuredMigrator({ ...ways, connection: undefined })).toBeUndefined();
});

it('behind a transaction pooler there must be another way, since no lock can be held', async () => {
  const pooled = { ...ways, pooler: 'pgbouncer' } as const;

  expect(await findServer({ ...pooled, direct }, '/nowhere')).toBe(direct);
  expect(await findServer({ ...pooled, migration }, '/nowhere')).toBe(migration);
  await expect(findServer(pooled, '/nowhere')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/MIGRATION_DATABASE_URL or DATABASE_DIRECT_URL/),
  });
});

it('without a server in the settings and an embedded one that runs there is none', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidegauge-no-server-'));
  try {
    expect(await findServer({ ...ways, connection: undefined }, dataDir)).toBeUndefined();
    expect(noServerError()).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('npm start'),
    });
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
