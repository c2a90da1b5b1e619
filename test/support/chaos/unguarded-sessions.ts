import { PooledConnection } from '#database/pool/pooled-connection.ts';
import { connectionFromUrl } from '#database/connection-from-url.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import { sessionPoolOptions } from '#database/pool-options.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { cutSessions } from './cut-sessions.ts';

// The negative control of H2: cuts sessions whose pool is not told that a connection has died. Start it with
// `use-old-kysely.ts`, and neither does anybody else take the connection back. Prints what it saw as JSON.
const { DATABASE_URL: url = '', CUTS: cuts } = process.env;
const server = connectionFromUrl(url);
const proxy = await TcpProxy.start(server, { isPostgres: true });
const options = {
  ...DEFAULT_DATABASE_OPTIONS,
  connection: { ...server, port: proxy.port },
  poolSize: 3,
  maxOverflow: 0,
  acquireTimeoutMs: 500,
  prePingTimeoutMs: 200,
  connectTimeoutMs: 200,
};
const sessions = new DatabaseSessionManager({
  open: (opening) =>
    PooledConnection.open(sessionPoolOptions(options, options.connection), {
      ...opening,
      onBroken: () => undefined,
    }),
});
await sessions.init(options);
const report = await cutSessions(sessions, proxy, Number(cuts));
const { used } = sessions.stats();
process.stdout.write(JSON.stringify({ cuts: report.cuts, isWedged: report.isWedged, used }));
await sessions.close(0);
await proxy.close();
