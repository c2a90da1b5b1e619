import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { provisionEmbedded } from '#database/embedded/provision-embedded.ts';
import { withClient } from '#test/support/databases.ts';
import { temporaryFolder } from '#test/support/embedded-owner.ts';
import { PROVISION_SETTINGS } from '#test/support/test-roles.ts';

const provide = async (server: EmbeddedServer) =>
  await provisionEmbedded(server, {
    settings: PROVISION_SETTINGS,
    tables: ['users'],
  });

it('a folder of a version without roles gets them, keeps its rows, and has them at every start', async () => {
  const dataDir = temporaryFolder('roles').path;
  const statePath = join(dataDir, 'state.json');
  {
    await using server = await startEmbeddedPostgres({ dataDir, persistent: true });
    await withClient(server.connection, (client) =>
      client.query(
        'create table users (id serial, name text); insert into users (name) values (default)',
      ),
    );
  }
  const { rolePasswords: _, ...old } = JSON.parse(readFileSync(statePath, 'utf8'));
  writeFileSync(statePath, JSON.stringify(old));

  await using server = await startEmbeddedPostgres({ dataDir, persistent: true });
  const first = await provide(server);
  const second = await provide(server);
  const rows = await withClient(server.roles.app, async (client) => {
    await client.query(`insert into users (name) values ('n')`);
    return (await client.query('select id from users order by id')).rows;
  });

  expect(first.changes).toContain('table users: owned by tidegauge_owner instead of postgres');
  expect(second).toMatchObject({ changes: [], skipped: [], notes: [] });
  expect(rows).toStrictEqual([{ id: 1 }, { id: 2 }]);
});
