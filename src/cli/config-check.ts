import { loadSettings } from '#config/load-settings.ts';
import { redactSettings } from '#config/redact-settings.ts';
import type { Settings } from '#config/settings.ts';
import { revealing } from '#database/embedded/embedded-access.ts';
import { runningEmbedded } from '#database/embedded/running-embedded.ts';
import { checkConnections, isUsable } from '#database/self-check/check-connections.ts';
import { connectionLines } from '#database/self-check/connection-lines.ts';
import { KNOWN_OF_EMBEDDED } from '#database/self-check/known-of-embedded.ts';
import { runCommandLine } from './run-command-line.ts';

const USAGE = `usage: npm run config:check [-- --connect | --help]

Checks the environment and the .env file. Prints the effective settings as JSON without their secrets
and warnings on standard error. With --connect it then logs in wherever the settings lead (DATABASE_URL,
or the embedded server that runs; DATABASE_DIRECT_URL, MIGRATION_DATABASE_URL, REPORTING_DATABASE_URL and
every replica), and says on standard error what it finds there and what to do about it; it changes nothing.
Exit codes: 0 valid, and usable with --connect; 1 a server cannot be reached or used, 64 wrong usage,
78 not valid, or no server to connect to.
`;

await runCommandLine({ usage: USAGE, flags: ['connect'], run });

async function run(flag: 'connect' | undefined): Promise<number> {
  const { settings, warnings } = loadSettings();
  process.stdout.write(`${JSON.stringify(redactSettings(settings), undefined, 2)}\n`);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  return flag === 'connect' ? await connect(settings) : 0;
}

async function connect(settings: Settings): Promise<number> {
  const { connection } = settings.database;
  const reports =
    connection === undefined
      ? await checkConnections(
          settings,
          revealing((await runningEmbedded()).roles.app),
          KNOWN_OF_EMBEDDED,
        )
      : await checkConnections(settings, connection);
  for (const line of reports.flatMap(connectionLines)) process.stderr.write(`${line}\n`);
  return reports.every(isUsable) ? 0 : 1;
}
