import { ConfigError } from '#config/config-error.ts';
import { formatConfigError } from '#config/format-config-error.ts';
import { DatabaseError } from '#database/database-error.ts';

/** sysexits.h, EX_CONFIG. */
const EXIT_CONFIG = 78;

/** Says on standard error why a command failed, and returns its exit code: 78 for settings, 1 for the database. Throws what is neither. */
export function toldExitCode(error: unknown): number {
  if (error instanceof ConfigError) {
    process.stderr.write(formatConfigError(error));
    return error.exitCode;
  }
  if (error instanceof DatabaseError) {
    process.stderr.write(`${error.code}: ${error.message}\n`);
    return error.code === 'CONFIG_INVALID' ? EXIT_CONFIG : 1;
  }
  throw error;
}
