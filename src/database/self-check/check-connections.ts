import type { Settings } from '#config/settings.ts';
import type { Ask } from '#database/ask.ts';
import type { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { asDatabaseError } from '#database/map-database-error.ts';
import { sessionLimits } from '#database/pool-options.ts';
import { askOver } from './ask-server.ts';
import { judgeConnection } from './connection-rules.ts';
import type { Finding, ServicePlan } from './finding.ts';
import { judgeServer } from './judge-server.ts';
import { readServerFacts } from './server-facts.ts';
import type { ServerVersion } from './server-facts.ts';

/** What a connection is for. */
export type Purpose = 'main' | 'direct' | 'migration' | 'reporting' | 'replica';

/** A server that was reached. */
export interface ReachedServer extends ServerVersion {
  /** The same for a server and its replicas; undefined where the role may not ask. */
  readonly systemIdentifier: string | undefined;
}

/** One connection of the settings, tried. */
export interface ConnectionReport {
  readonly purpose: Purpose;
  /** The variable that names it. */
  readonly variable: string;
  readonly connection: DatabaseConnection;
  /** Undefined: not reached. */
  readonly server: ReachedServer | undefined;
  /** Why not. */
  readonly error: DatabaseError | undefined;
  readonly findings: readonly Finding[];
}

/** What leads to the server itself where `DATABASE_URL` leads to a pooler. */
const PAST_POOLER: ReadonlySet<Purpose> = new Set(['direct', 'migration']);

type Way = Pick<ConnectionReport, 'purpose' | 'variable' | 'connection'>;

/** The same before it is judged. */
export type Tried = Omit<ConnectionReport, 'findings'>;

/** Whether the service can use the connection. */
export function isUsable({ error, findings }: ConnectionReport): boolean {
  return error === undefined && findings.every(({ severity }) => severity !== 'error');
}

/**
 * Tries every connection of the settings, all at once, each within the deadline of a connect and two seconds, and judges
 * what is found. `main` is the server of `DATABASE_URL`, or the embedded one; findings that are `known` of it are left
 * out. Never rejects.
 */
export async function checkConnections(
  { database, http }: Pick<Settings, 'database' | 'http'>,
  main: DatabaseConnection,
  known: ReadonlySet<string> = new Set(),
): Promise<readonly ConnectionReport[]> {
  const tried = await Promise.all(waysOf(database, main).map((way) => tryWay(way, database)));
  const first = tried.find(({ purpose }) => purpose === 'main');
  const plan: ServicePlan = {
    settings: database,
    connection: main,
    requestTimeoutMs: http.requestTimeoutMs,
  };
  return tried.map((report) => ({
    ...report,
    findings: [
      ...judgeConnection(report, first),
      ...(report.purpose === 'main' && report.server !== undefined
        ? judgeServer(report.server, plan).filter(({ id }) => !known.has(id))
        : []),
    ],
  }));
}

function waysOf(database: Settings['database'], main: DatabaseConnection): readonly Way[] {
  const further = [
    ['direct', 'DATABASE_DIRECT_URL', database.direct],
    ['migration', 'MIGRATION_DATABASE_URL', database.migration],
    ['reporting', 'REPORTING_DATABASE_URL', database.reporting],
  ] as const;
  return [
    { purpose: 'main', variable: 'DATABASE_URL', connection: main },
    ...further.flatMap(([purpose, variable, connection]) =>
      connection === undefined ? [] : [{ purpose, variable, connection }],
    ),
    ...database.replicas.map((connection, index) => ({
      purpose: 'replica' as const,
      variable: `DATABASE_REPLICA_URLS (${index + 1} of ${database.replicas.length})`,
      connection,
    })),
  ];
}

async function tryWay(way: Way, database: Settings['database']): Promise<Tried> {
  const { poolName, connectTimeoutMs, pooler } = database;
  const isPooled = pooler === 'pgbouncer' && !PAST_POOLER.has(way.purpose);
  // The service refuses whoever drops the limits of its sessions, on every way.
  const sessionSettings = sessionLimits({ ...database, pooler: isPooled ? pooler : 'none' });
  const options = {
    connection: way.connection,
    applicationName: `tidegauge/${poolName}/selfcheck`,
    connectTimeoutMs,
    sessionSettings,
    isPooled,
  };
  try {
    const server = await askOver(options, readServer, {
      signal: new AbortController().signal,
      verify: (opened) => opened.verifySettings(sessionSettings),
    });
    return { ...way, server, error: undefined };
  } catch (error) {
    return {
      ...way,
      server: undefined,
      error: asDatabaseError(error, 'bug: the self-check failed'),
    };
  }
}

async function readServer(ask: Ask): Promise<ReachedServer> {
  const version = await readServerFacts(ask);
  // Not every role, and not every provider, lets it be known.
  const [cluster] = await ask<{ id: string }>(
    'select system_identifier::text as id from pg_catalog.pg_control_system()',
  ).catch(() => []);
  return { ...version, systemIdentifier: cluster?.id };
}
