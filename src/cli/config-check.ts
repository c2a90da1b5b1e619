import { parseArgs } from 'node:util';

import { ConfigError } from '#config/config-error.ts';
import { formatConfigError } from '#config/format-config-error.ts';
import { loadSettings } from '#config/load-settings.ts';
import { redactSettings } from '#config/redact-settings.ts';

const USAGE = `usage: npm run config:check [-- --help]

Checks the environment and the .env file. Prints the effective settings as JSON without their secrets
and warnings on standard error. Exit codes: 0 valid, 78 not valid, 64 wrong usage.
`;
/** sysexits.h, EX_USAGE. */
const EXIT_USAGE = 64;

// Whoever reads may stop reading (`| head`): the exit code still tells.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const wish = readArguments();
if (wish === 'check') {
  check();
} else if (wish === 'help') {
  process.stdout.write(USAGE);
} else {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
}

function check(): void {
  try {
    const { settings, warnings } = loadSettings();
    process.stdout.write(`${JSON.stringify(redactSettings(settings), undefined, 2)}\n`);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(formatConfigError(error));
    process.exitCode = error.exitCode;
  }
}

function readArguments(): 'check' | 'help' | 'wrong' {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
    return values.help === true ? 'help' : 'check';
  } catch {
    return 'wrong';
  }
}
