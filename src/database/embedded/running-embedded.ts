import { fileURLToPath } from 'node:url';
import { DatabaseError } from '#database/database-error.ts';
import type { EmbeddedAccess } from './embedded-server.ts';
import { readEmbeddedState } from './read-embedded-state.ts';

/** State folder of the embedded server that `npm start` runs. */
export const PROJECT_DATA_DIR = fileURLToPath(new URL('../../../.data/postgres', import.meta.url));

/**
 * How to connect to the embedded server that `npm start` runs now.
 *
 * @throws DatabaseError `CONFIG_INVALID` when it does not run
 */
export async function runningEmbedded(): Promise<EmbeddedAccess> {
  const access = await readEmbeddedState(PROJECT_DATA_DIR);
  if (access === undefined) throw noServerError();
  return access;
}

/** There is nothing to connect to. */
export function noServerError(): DatabaseError {
  return new DatabaseError(
    'CONFIG_INVALID',
    'no server: set DATABASE_URL, or start the embedded one with npm start and leave it running',
  );
}
