import { ConnectGate } from '#database/pool/connect-gate.ts';
import type { Clock } from '#database/pool/clock.ts';
import { ServerConnection } from '#database/server/server-connection.ts';
import type { TestServerAddress } from './test-server.ts';

/** The connections over which the tests of one file ask servers about themselves, so that they end with their test. */
export class ServerConnections {
  readonly #open = new Set<ServerConnection>();

  /** One to this server, as the service has it. */
  open(
    { password, ...address }: TestServerAddress,
    parts: { readonly clock?: Clock } = {},
  ): ServerConnection {
    const server = new ServerConnection({
      connection: { ...address, password: { reveal: () => password } },
      poolName: 'main',
      gate: new ConnectGate(),
      ...parts,
    });
    this.#open.add(server);
    return server;
  }

  /** Closes all; call it after each test. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#open].map((server) => server.close()));
    this.#open.clear();
  }
}
