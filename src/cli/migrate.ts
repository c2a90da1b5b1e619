import { fileURLToPath } from 'node:url';
import { readBuildInfo, releaseOf } from '#config/build-info.ts';
import type { MigrationLimits } from '#config/settings.ts';
import { loadSettings } from '#config/load-settings.ts';
import type { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { noServerError } from '#database/embedded/running-embedded.ts';
import { findServer } from '#database/migrations/find-server.ts';
import { migrate } from '#database/migrations/migrate.ts';
import { prepareDatabase } from '#database/prepare-database.ts';
import { entities } from '#entities.ts';
import { runCommandLine } from './run-command-line.ts';

const USAGE = `usage: npm run migrate [-- --help]

Applies pending migrations and prints their names: to the server of MIGRATION_DATABASE_URL, else of
DATABASE_DIRECT_URL, else of DATABASE_URL, else to the embedded one that is running. Any number of runs
at once apply each migration once. Waits up to 30 s for a server that is starting. Exit codes: 0 nothing
is pending, 1 failed, 64 wrong usage, 78 settings or migrations that cannot be used as they are.
`;

const ROOT = new URL('../../', import.meta.url);
/** Containers start before their database is ready. */
const WAIT_FOR_SERVER_MS = 30_000;
/** What waiting does not mend; locks have been waited for already. */
const FINAL: ReadonlySet<string> = new Set([
  'DB_AUTH_FAILED',
  'DB_NOT_FOUND',
  'DB_MIGRATION_LOCKED',
  'DB_LOCK_TIMEOUT',
]);

await runCommandLine({ usage: USAGE, flags: [], run });

async function run(): Promise<number> {
  const { settings } = loadSettings();
  const connection = await findServer(settings.database);
  if (connection === undefined) {
    throw noServerError();
  }
  await migrateWhenReachable(connection, settings.database.migrationLimits);
  return 0;
}

async function migrateWhenReachable(
  connection: DatabaseConnection,
  limits: MigrationLimits,
): Promise<void> {
  const giveUp = new AbortController();
  let fault: DatabaseError | undefined;
  await prepareDatabase({
    prepare: async () => {
      await migrate({
        connection,
        entities,
        migrationsDir: projectFile('migrations'),
        limits,
        release: releaseOf(readBuildInfo(ROOT)),
        onApplied: (name) => process.stdout.write(`${name}\n`),
        onAdopted: (names) =>
          process.stderr.write(`recorded the checksums of ${names.join(', ')}\n`),
        onRetry: ({ code }, waitMs) =>
          process.stderr.write(`rolled back (${code}), another attempt in ${waitMs} ms\n`),
      });
      fault = undefined;
    },
    onWaiting: (error) => {
      fault = error;
      if (FINAL.has(error.code)) {
        giveUp.abort();
      } else {
        const { host, port } = connection;
        process.stderr.write(`waiting for ${host}:${port} (${error.code})\n`);
      }
    },
    signal: AbortSignal.any([giveUp.signal, AbortSignal.timeout(WAIT_FOR_SERVER_MS)]),
  });
  if (fault !== undefined) {
    throw fault;
  }
}

function projectFile(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}
