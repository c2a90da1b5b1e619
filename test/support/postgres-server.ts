import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { migrate } from '#database/migrations/migrate.ts';
import { entities } from '#entities.ts';
import { PgBouncer } from './pgbouncer.ts';
import { ROW_MARKERS } from './canary/canary-values.ts';
import { createDatabase, dropDatabase, withClient } from './databases.ts';
import { watchActivity } from './server-log-watch.ts';
import { SERVER_LOG_SETTINGS, ServerLog } from './server-log.ts';
import { Standby } from './standby.ts';
import { asRole, dropTestRoles, newTestRoles, provisionTestDatabase } from './test-roles.ts';
import type { TestRoles } from './test-roles.ts';
import { startTestServer } from './test-server.ts';
import type { TestServer, TestServerAddress } from './test-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server of this run, and the migrated database that every test file clones. */
    postgres: {
      readonly address: TestServerAddress;
      readonly template: string;
      /** Whom the template has been provisioned for. */
      readonly roles: TestRoles;
      /** Programs of the version that the project runs on; undefined: the embedded one. */
      readonly binDir?: string | undefined;
      /** Where the PgBouncer before it listens, on a project that has one. */
      readonly pooler?: { readonly host: string; readonly port: number } | undefined;
      /** A standby of the server that shows every commit before it is acknowledged; undefined: there is none. */
      readonly replica?: TestServerAddress | undefined;
    };
    /** Set by a project whose sessions go through a PgBouncer. */
    isPooled?: boolean;
    /** Set by a project that runs on an installed PostgreSQL. */
    postgresBinDir?: string;
  }
}

/**
 * Starts one server for the project's test files, and provisions and migrates one template database on it. The server logs every
 * statement; a value of the tests' rows in those of the service fails the run when it ends. What services write is kept
 * in a folder, which `OutputSearchReport` searches.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = new ServerLog(
    join(tmpdir(), `tidegauge-test-${randomBytes(6).toString('hex')}.log`),
    ROW_MARKERS,
  );
  const { postgresBinDir: binDir, isPooled = false } = project.getProvidedContext();
  const server = await startTestServer(process.env, {
    settings: SERVER_LOG_SETTINGS,
    log: log.write,
    binDir,
  });
  const { address } = server;
  const standby = await standbyOf(server, binDir);
  const template = await createDatabase(address, 'template1');
  const roles = newTestRoles();
  try {
    await provisionTestDatabase({ ...address, database: template }, roles);
    await migrate({
      connection: asRole({ ...address, database: template }, roles.owner),
      entities,
      migrationsDir: fileURLToPath(new URL('../../migrations', import.meta.url)),
    });
  } catch (error) {
    await server.stop();
    await log.close();
    throw error;
  }
  const bouncer = isPooled ? await PgBouncer.start(address) : undefined;
  const outputDir = await mkdtemp(join(tmpdir(), 'tidegauge-output-'));
  project.provide('outputDir', outputDir);
  project.provide('postgres', {
    address,
    template,
    roles,
    binDir,
    pooler: bouncer && placeOf(bouncer),
    replica: standby?.server.connection,
  });
  const endWatch = watchActivity(address, log);
  return async () => {
    await endWatch();
    await bouncer?.[Symbol.asyncDispose]();
    await dropDatabase(address, template);
    await dropTestRoles(address, roles);
    await standby?.stop();
    await server.stop();
    await log.close();
  };
}

function placeOf(bouncer: PgBouncer): { readonly host: string; readonly port: number } {
  const { host, port } = bouncer.address();
  return { host, port };
}

/** A standby that is asked for, `npm run test:replica`: whoever reads there sees what was written before. */
async function standbyOf(
  { address, dataDir }: TestServer,
  binDir: string | undefined,
): Promise<Standby | undefined> {
  if (process.env['TEST_REPLICA'] !== '1' || dataDir === undefined) {
    return undefined;
  }
  // Commits wait for the standby: what only reads there may not keep it from replaying what vacuums have removed.
  const settings = { hot_standby_feedback: 'on' };
  const standby = await Standby.start({ connection: address, dataDir }, { binDir, settings });
  await withClient(address, async (client) => {
    await client.query(`alter system set synchronous_standby_names = '*'`);
    await client.query(`alter system set synchronous_commit = 'remote_apply'`);
    await client.query('select pg_reload_conf()');
  });
  return standby;
}
