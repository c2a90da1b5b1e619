import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { parseTestDatabaseUrl } from '#config/parse-test-database-url.ts';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';

/** Plain text on purpose: it crosses from the global set-up to the test processes. */
export interface TestServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** A database to connect to for creating others. */
  readonly database: string;
}

export interface TestServer {
  readonly address: TestServerAddress;
  /** Undefined of a server that is not on this machine for us to copy. */
  readonly dataDir?: string;
  stop(): Promise<void>;
}

/** What PostgreSQL must not write into its log: see docs/operations.md. */
const QUIET_LOG = {
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
  log_error_verbosity: 'terse',
};

/** How a server is started that is ours to start. */
export interface TestServerOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** Told every line of the server's log. */
  readonly log?: (line: string) => void;
  /** Programs of another version than the embedded one. */
  readonly binDir?: string | undefined;
}

/**
 * Starts or finds the server that TEST_POSTGRES and TEST_DATABASE_URL ask for. One that is found keeps its own settings,
 * and its log stays where it is.
 */
export async function startTestServer(
  env: Readonly<Record<string, string | undefined>>,
  { settings = {}, log = () => undefined, binDir }: TestServerOptions = {},
): Promise<TestServer> {
  const choice = parseTestDatabaseUrl(env);
  switch (choice.server) {
    case 'url': {
      const { host, port, user, password, database } = choice.connection;
      return {
        address: { host, port, user, database, password: password?.reveal() ?? '' },
        stop: () => Promise.resolve(),
      };
    }
    case 'testcontainers':
      return await startContainer(
        env['TEST_POSTGRES_IMAGE'] ?? 'postgres:18-alpine',
        settings,
        log,
      );
    case 'embedded': {
      const dataDir = await mkdtemp(join(tmpdir(), 'tidegauge-test-'));
      const server = await startEmbeddedPostgres({
        dataDir,
        persistent: false,
        settings,
        log,
        ...(binDir !== undefined && { binDir }),
      });
      return {
        address: server.connection,
        dataDir: server.dataDir,
        stop: () => server.stop(),
      };
    }
  }
}

async function startContainer(
  image: string,
  settings: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<TestServer> {
  const flags = Object.entries({ ...settings, ...QUIET_LOG }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const container = await new PostgreSqlContainer(image)
    .withDatabase('postgres')
    .withCommand(['postgres', ...flags])
    .withLogConsumer((stream) => {
      createInterface({ input: stream }).on('line', log);
    })
    .start();
  return {
    address: {
      host: container.getHost(),
      port: container.getPort(),
      user: container.getUsername(),
      password: container.getPassword(),
      database: container.getDatabase(),
    },
    stop: async () => {
      await container.stop();
    },
  };
}
