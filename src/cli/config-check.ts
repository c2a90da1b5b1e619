import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { ConfigError } from '#config/config-error.ts';
import { formatConfigError } from '#config/format-config-error.ts';
import { loadSettings } from '#config/load-settings.ts';
import { redactSettings } from '#config/redact-settings.ts';
import type { Settings } from '#config/settings.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { revealing } from '#database/embedded/provision-embedded.ts';
import { readEmbeddedState } from '#database/embedded/read-embedded-state.ts';
import { noServerError } from '#database/migrations/find-server.ts';
import { checkConnections, isUsable } from '#database/self-check/check-connections.ts';
import { connectionLines } from '#database/self-check/connection-lines.ts';
import { KNOWN_OF_EMBEDDED } from '#database/self-check/known-of-embedded.ts';

const USAGE = `usage: npm run config:check [-- --connect | --help]

Checks the environment and the .env file. Prints the effective settings as JSON without their secrets
and warnings on standard error. With --connect it then logs in wherever the settings lead (DATABASE_URL,
or the embedded server that runs; DATABASE_DIRECT_URL, MIGRATION_DATABASE_URL, REPORTING_DATABASE_URL and
every replica), and says on standard error what it finds there and what to do about it; it changes nothing.
Exit codes: 0 valid, and usable with --connect; 1 a server cannot be reached or used, 78 not valid,
64 wrong usage.
`;
/** sysexits.h, EX_USAGE. */
const EXIT_USAGE = 64;

// Whoever reads may stop reading (`| head`): the exit code still tells.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await main();

async function main(): Promise<number> {
  const wish = readArguments();
  if (wish === 'help' || wish === 'wrong') {
    const stream = wish === 'help' ? process.stdout : process.stderr;
    stream.write(USAGE);
    return wish === 'help' ? 0 : EXIT_USAGE;
  }
  try {
    const { settings, warnings } = loadSettings();
    process.stdout.write(`${JSON.stringify(redactSettings(settings), undefined, 2)}\n`);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    return wish === 'connect' ? await connect(settings) : 0;
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(formatConfigError(error));
      return error.exitCode;
    }
    if (error instanceof DatabaseError) {
      process.stderr.write(`${error.code}: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

async function connect(settings: Settings): Promise<number> {
  const main = settings.database.connection ?? (await embeddedServer());
  const known = settings.database.connection === undefined ? KNOWN_OF_EMBEDDED : undefined;
  const reports = await checkConnections(settings, main, known);
  for (const line of reports.flatMap(connectionLines)) process.stderr.write(`${line}\n`);
  return reports.every(isUsable) ? 0 : 1;
}

async function embeddedServer(): Promise<DatabaseConnection> {
  const dataDir = fileURLToPath(new URL('../../.data/postgres', import.meta.url));
  const embedded = await readEmbeddedState(dataDir);
  if (embedded === undefined) throw noServerError();
  return revealing(embedded.roles.app);
}

function readArguments(): 'check' | 'connect' | 'help' | 'wrong' {
  try {
    const { values } = parseArgs({
      options: { connect: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) return 'help';
    return values.connect === true ? 'connect' : 'check';
  } catch {
    return 'wrong';
  }
}
