import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { HealthProbe } from '#database/health/health-probe.ts';
import { migrationOrmOptions } from '#database/migrations/migration-orm-options.ts';
import { ConnectionPool } from '#database/pool/connection-pool.ts';
import { sessionPoolOptions } from '#database/pool-options.ts';
import { ServerConnection } from '#database/server/server-connection.ts';
import { ServerFigures } from '#database/server/server-figures.ts';
import { SessionActivity } from '#database/server/session-activity.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { replicaIs } from './replica-is.ts';
import { until } from './until.ts';

/** What an errand has to do with. */
export interface ErrandParts {
  readonly connection: DatabaseConnection;
  /** Tells the test. */
  readonly say: (what: unknown) => void;
  /** Resolves when the test lets it go on. */
  readonly told: () => Promise<void>;
}

export type Errand = (parts: ErrandParts) => Promise<void>;

const POOL_NAME = 'errand';
/** How long the server lets a transaction idle; the errands idle for longer. */
const IDLE_MS = 300;
const LONGER_MS = 2000;
const GRACE_MS = 500;

const optionsOf = (connection: DatabaseConnection) => ({
  ...DEFAULT_DATABASE_OPTIONS,
  connection,
  poolName: POOL_NAME,
  poolSize: 2,
  maxOverflow: 0,
  idleInTransactionTimeoutMs: IDLE_MS,
});

const migrationOrm = (connection: DatabaseConnection) =>
  MikroORM.init(migrationOrmOptions({ connection, entities: [], migrationsDir: tmpdir() }));

/** The code of what the work fails with; undefined when it succeeds. */
async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof DatabaseError ? error.code : `not typed: ${String(error)}`;
  }
}

/** Every connection that the service makes, each used again and again until told. */
async function useEverything({ connection, say, told }: ErrandParts): Promise<void> {
  const sessions = new DatabaseSessionManager();
  await sessions.init(optionsOf(connection));
  const { connectGate: gate } = sessions;
  const shared = { connection, poolName: POOL_NAME, gate };
  const probe = new HealthProbe({
    ...shared,
    connectTimeoutMs: 1000,
    expectedMigrations: [],
    isPooled: false,
    poolStats: () => sessions.stats(),
  });
  const server = new ServerConnection(shared);
  const activity = new SessionActivity(server);
  const figures = new ServerFigures(server);
  const orm = await migrationOrm(connection);
  const codes = new Set<string>();
  const over = told().then(() => true);
  while (!(await Promise.race([over, delay(5, false)]))) {
    const failures = await Promise.all([
      codeOf(sessions.check()),
      codeOf(probe.look()),
      codeOf(activity.of([process.pid])),
      codeOf(figures.report()),
      codeOf(orm.em.getConnection().execute('select 1')),
    ]);
    for (const code of failures) {
      if (code !== undefined) codes.add(code);
    }
  }
  await until('the pool serves', () => sessions.check());
  await Promise.all([probe.stop(), server.close(), orm.close(true)]);
  const { used, waiting } = sessions.stats();
  await sessions.close(0);
  say({ used, waiting, untyped: [...codes].filter((code) => !code.startsWith('DB_')) });
}

/** Connections that the server ends while they are held, in a session, past it, and in a migration. */
async function idleInTransactions({ connection, say }: ErrandParts): Promise<void> {
  const sessions = new DatabaseSessionManager();
  const options = optionsOf(connection);
  await sessions.init(options);
  const pool = new ConnectionPool(sessionPoolOptions(options, connection));
  const orm = await migrationOrm(connection);

  const session = sessions.session(async (em) => {
    await em.execute('select 1');
    await delay(LONGER_MS);
    await em.execute('select 1');
  });
  const leased = pool.connect().then(async (client) => {
    await client.query('begin');
    await delay(LONGER_MS);
    await client.query('select 1').finally(() => client.release());
  });
  const migration = orm.em.transactional(async (em) => {
    await em.execute(`set local idle_in_transaction_session_timeout = ${IDLE_MS}`);
    await delay(LONGER_MS);
    await em.execute('select 1');
  });
  const codes = await Promise.all([codeOf(session), codeOf(leased), codeOf(migration)]);

  const used = [sessions.stats().used, pool.stats().used];
  const afterwards = await Promise.all([
    codeOf(sessions.check()),
    codeOf(orm.em.execute('select 1')),
  ]);
  await Promise.all([sessions.close(0), pool.end(0), orm.close(true)]);
  say({ codes, used, afterwards });
}

/** A pool with one connection that is idle and one that is busy, closed once the test has had its way with them. */
async function closePool({ connection, say, told }: ErrandParts): Promise<void> {
  const pool = new ConnectionPool(sessionPoolOptions(optionsOf(connection), connection));
  const [idle, busy] = await Promise.all([pool.connect(), pool.connect()]);
  idle.release();
  const query = codeOf(busy.query('select pg_sleep(60)'));
  say([idle.processID, busy.processID]);
  await told();
  const startedAt = performance.now();
  await pool.end(GRACE_MS);
  const isInTime = performance.now() - startedAt < 10 * GRACE_MS;
  say({ isInTime, sockets: sockets(), code: await query });
  busy.release();
}

/** Ends without having closed what it used; one of two sessions waits for the connection that the other one has. */
async function forgetToClose({ connection, say }: ErrandParts): Promise<void> {
  const sessions = new DatabaseSessionManager();
  await sessions.init({ ...optionsOf(connection), poolSize: 1 });
  const work = () => sessions.session((em) => em.execute('select pg_sleep(0.1)'));
  const rows = await Promise.all([work(), work()]);
  say({ done: rows.length, idle: sessions.stats().idle });
}

/** Ends without having closed sessions that have read from a replica, which is the one server that it knows. */
async function forgetReplica({ connection, say }: ErrandParts): Promise<void> {
  const sessions = new DatabaseSessionManager();
  await sessions.init({
    ...optionsOf(connection),
    replicas: [connection],
    replicaMaxLagMs: 60_000,
  });
  await replicaIs(sessions, 'usable');
  const [row] = await sessions.session(
    (em) => em.execute<unknown[]>('select pg_is_in_recovery() as "isReplica"'),
    { readOnly: true },
  );
  say(row);
}

async function plainIdle({ connection, say, told }: ErrandParts): Promise<void> {
  const plain = plainPool(connection);
  await plain.query('select 1');
  say('ready');
  await told();
}

async function plainIdleInTransaction({ connection, say, told }: ErrandParts): Promise<void> {
  const plain = plainPool(connection);
  plain.on('error', () => undefined);
  const client = await plain.connect();
  await client.query('begin');
  await client.query(`set local idle_in_transaction_session_timeout = ${IDLE_MS}`);
  say('ready');
  await told();
}

async function plainClose({ connection, say, told }: ErrandParts): Promise<void> {
  const plain = plainPool(connection);
  const client = await plain.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  client.release();
  say(rows.map(({ pid }) => pid));
  await told();
  await plain.end();
  say({ sockets: sockets() });
}

const plainPool = ({ host, port, user, password, database }: DatabaseConnection) =>
  new pg.Pool({ host, port, user, database, password: password?.reveal(), ssl: false });

const sockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

/** What a process of its own can be sent to do; the plain ones are controls. */
export const errands = {
  useEverything,
  idleInTransactions,
  closePool,
  forgetToClose,
  forgetReplica,
  plainIdle,
  plainIdleInTransaction,
  plainClose,
} as const satisfies Record<string, Errand>;
