import { LOOPBACK } from '#database/embedded/free-port.ts';
import { DATABASE, SUPERUSER } from '#database/embedded/cluster.ts';
import { readState } from '#database/embedded/embedded-state.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';

/** Where the embedded server of a service that was started with this state folder is. */
export function embeddedAddress(dataDir: string): TestServerAddress {
  const state = readState(dataDir);
  if (state?.port === undefined) {
    throw new Error('no embedded server was started in this folder');
  }
  const { port, password } = state;
  return { host: LOOPBACK, port, user: SUPERUSER, password, database: DATABASE };
}
