import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import { provisionEmbedded } from '#database/embedded/provision-embedded.ts';
import { ProjectCopy } from '#test/support/project-copy.ts';
import { PROVISION_SETTINGS } from '#test/support/test-roles.ts';

const COMMAND = [process.execPath, 'src/cli/config-check.ts', '--connect'] as const;

it('config:check -- --connect without DATABASE_URL finds nothing at the embedded server that runs, and says so when none does', async () => {
  using copy = new ProjectCopy();
  const without = await copy.run(COMMAND);
  await using server = await startEmbeddedPostgres({
    dataDir: join(copy.path, '.data/postgres'),
    persistent: true,
    settings: { shared_preload_libraries: 'pg_stat_statements' },
  });

  await provisionEmbedded(server, { settings: PROVISION_SETTINGS, tables: [] });
  const beside = await copy.run(COMMAND);

  const { port } = server.connection;
  expect({ code: without.code, stderr: without.stderr }).toEqual({
    code: 78,
    stderr:
      'CONFIG_INVALID: no server: set DATABASE_URL, or start the embedded one with npm start and leave it running\n',
  });
  expect({ code: beside.code, stderr: beside.stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(
      new RegExp(
        `^DATABASE_URL \\(127\\.0\\.0\\.1:${port}/tidegauge as tidegauge_app\\) reached: PostgreSQL 18[^\\n]*\\n$`,
      ),
    ),
  });
}, 60_000);
