import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

import { serverFault } from './embedded-fault.ts';

/** The only address that the server listens on. */
export const LOOPBACK = '127.0.0.1';

// Below the ephemeral ports of Linux (32768) and macOS (49152): while the server is being restarted,
// no outgoing connection (not even one to the server itself) can be given its port.
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;
const ATTEMPTS = 50;

/** Whether nobody listens on this port of the loopback address. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host: LOOPBACK, port, exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

/** `remembered` when it is free, else another free port. */
export async function choosePort(remembered: number | undefined): Promise<number> {
  if (remembered !== undefined && (await isPortFree(remembered))) return remembered;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (await isPortFree(port)) return port;
  }
  throw serverFault(`no free port was found between ${FIRST_PORT} and ${LAST_PORT}`);
}
