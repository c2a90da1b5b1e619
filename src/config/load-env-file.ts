import { existsSync } from 'node:fs';

const ENV_FILE = '.env';

/** A `.env` file in the working directory fills in what the environment does not set. May be called again. */
export function loadEnvFile(): void {
  if (existsSync(ENV_FILE)) process.loadEnvFile(ENV_FILE);
}
