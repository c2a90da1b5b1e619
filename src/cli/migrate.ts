import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readBuildInfo, releaseOf } from '#config/build-info.ts';
import type { MigrationLimits } from '#config/settings.ts';
import { loadSettings } from '#config/load-settings.ts';
import type { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { findServer, noServerError } from '#database/migrations/find-server.ts';
import { migrate } from '#database/migrations/migrate.ts';
import { prepareDatabase } from '#database/prepare-database.ts';
import { entities } from '#entities.ts';
import { toldExitCode } from './told-exit-code.ts';

const USAGE = `usage: npm run migrate [-- --help]

Applies pending migrations and prints their names: to the server of MIGRATION_DATABASE_URL, else of
DATABASE_DIRECT_URL, else of DATABASE_URL, else to the embedded one that is running. Any number of runs
at once apply each migration once. Waits up to 30 s for a server that is starting. Exit codes: 0 nothing
is pending, 1 failed, 64 wrong usage, 78 settings or migrations that cannot be used as they are.
`;

const ROOT = new URL('../../', import.meta.url);
/** Containers start before their database is ready. */
const WAIT_FOR_SERVER_MS = 30_000;
/** sysexits.h, EX_USAGE. */
const EXIT_USAGE = 64;
/** What waiting does not mend; locks have been waited for already. */
const FINAL: ReadonlySet<string> = new Set([
  'DB_AUTH_FAILED',
  'DB_NOT_FOUND',
  'DB_MIGRATION_LOCKED',
  'DB_LOCK_TIMEOUT',
]);

// A process with number 1, as in a container, has no default for these. The server rolls back what is not committed.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
// Whoever reads may stop reading (`| head`): the exit code still tells.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => undefined);
}

process.exitCode = await main();

async function main(): Promise<number> {
  const wish = readArguments();
  if (wish !== 'migrate') {
    const stream = wish === 'help' ? process.stdout : process.stderr;
    stream.write(USAGE);
    return wish === 'help' ? 0 : EXIT_USAGE;
  }
  try {
    const { settings } = loadSettings();
    const connection = await findServer(settings.database, projectFile('.data/postgres'));
    if (connection === undefined) {
      throw noServerError();
    }
    await migrateWhenReachable(connection, settings.database.migrationLimits);
    return 0;
  } catch (error) {
    return toldExitCode(error);
  }
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

function readArguments(): 'migrate' | 'help' | 'wrong' {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
    return values.help === true ? 'help' : 'migrate';
  } catch {
    return 'wrong';
  }
}

function projectFile(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}
