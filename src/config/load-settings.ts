import { loadEnvFile } from './load-env-file.ts';
import { parseProvisioning } from './parse-provisioning.ts';
import type { Provisioning } from './parse-provisioning.ts';
import { parseSettings } from './parse-settings.ts';
import type { ParsedSettings } from './parse-settings.ts';
import { LIBPQ_VARIABLES } from './unread-variables.ts';

/**
 * Reads the settings of this process: the only reader of its environment, besides OpenTelemetry's.
 * A `.env` file in the working directory fills in what the environment does not set.
 * libpq's variables are removed from it, since pg would obey them and children would inherit them.
 * Throws ConfigError with every fault at once.
 */
export function loadSettings(): ParsedSettings {
  loadEnvFile();
  const parsed = parseSettings(process.env, { isTerminal: process.stdout.isTTY });
  for (const variable of LIBPQ_VARIABLES) delete process.env[variable];
  return parsed;
}

/**
 * Reads the settings and who makes the roles that they name; undefined for the embedded server. As `loadSettings`, for
 * `npm run db:provision`.
 */
export function loadProvisioning(): ParsedSettings & {
  readonly provisioning: Provisioning | undefined;
} {
  const parsed = loadSettings();
  return { ...parsed, provisioning: parseProvisioning(process.env, parsed.settings.database) };
}
