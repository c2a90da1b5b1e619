import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import { LOOPBACK } from '#database/embedded/free-port.ts';
import { ConnectionPool } from '#database/pool/connection-pool.ts';
import { until } from './until.ts';

/** What became of two queries whose answers cannot arrive, one of a pool and one of plain pg. */
export interface HalfOpenReport {
  readonly pool: { readonly code: string; readonly failedMs: number; readonly used: number };
  readonly plain: 'failed' | 'waits';
}

/** The peer has received what it was sent, and acknowledged it. */
const SETTLED_MS = 500;

/** AuthenticationOk and ReadyForQuery. */
const WELCOME = Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', 'latin1');

/** Lets everybody in and answers no query. */
async function startSilentServer() {
  let queries = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(WELCOME);
      socket.on('data', () => void (queries += 1));
    });
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, queries: () => queries };
}

async function loopback(state: 'up' | 'down'): Promise<void> {
  await promisify(execFile)('ip', ['link', 'set', 'lo', state]);
}

/** Takes its own network down while two queries are in flight: what is sent vanishes, and nobody is told. */
async function queryAndVanish(): Promise<HalfOpenReport> {
  await loopback('up');
  const server = await startSilentServer();
  const address = { host: LOOPBACK, port: server.port, user: 'ada', database: 'vanishing' };
  const pool = new ConnectionPool({
    connection: { ...address, password: undefined },
    applicationName: 'half-open',
    poolName: 'half-open',
    poolSize: 1,
    maxOverflow: 0,
    queueLimit: 1,
    acquireTimeoutMs: 5000,
    connectTimeoutMs: 5000,
    idleTimeoutMs: 60_000,
    maxLifetimeMs: 60_000,
    prePing: false,
    prePingIdleMs: 0,
    prePingTimeoutMs: 0,
    leakThresholdMs: 0,
    // No watchdog: it would be faster.
    statementTimeoutMs: 0,
    isPreparing: false,
    isResetting: false,
    isPooled: false,
    sessionSettings: {},
  });
  const lease = await pool.connect();
  const client = new pg.Client({ ...address, password: 'none' });
  client.on('error', () => undefined);
  await client.connect();
  const query = lease.query('select 1').catch((error: unknown) => error);
  const plain = client.query('select 1').catch(() => 'failed' as const);
  await until('both queries have arrived', () => (server.queries() === 2 ? true : undefined));
  await delay(SETTLED_MS);
  await loopback('down');
  const vanishedAt = performance.now();

  const error = await query;

  return {
    pool: {
      code: error instanceof DatabaseError ? error.code : String(error),
      failedMs: performance.now() - vanishedAt,
      used: pool.stats().used,
    },
    plain: await Promise.race([
      plain.then(() => 'failed' as const),
      delay(SETTLED_MS, 'waits' as const),
    ]),
  };
}

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(JSON.stringify(await queryAndVanish()), () => process.exit());
}
