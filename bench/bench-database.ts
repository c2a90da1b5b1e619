import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { migrate } from '#database/migrations/migrate.ts';
import { entities } from '#entities.ts';

const USERS = 10_000;
const TEMPLATE = 'bench_template';
const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

const SEED = `
  insert into users (id, created_at, updated_at, email, name)
  select uuidv7(), now(), now(), 'user-' || n || '@example.com', 'User ' || n
  from generate_series(1, ${USERS}) as n`;

/** A throw-away PostgreSQL for all contestants, each with its own copy of one database. */
export class BenchDatabase implements AsyncDisposable {
  /** Ids of the users that every copy begins with. */
  readonly ids: readonly string[];
  readonly version: string;
  readonly #server: EmbeddedServer;

  private constructor(server: EmbeddedServer, ids: readonly string[], version: string) {
    this.#server = server;
    this.ids = ids;
    this.version = version;
  }

  /** Starts the server, migrates and fills the database that is copied. */
  static async start(maxConnections: number): Promise<BenchDatabase> {
    const server = await startEmbeddedPostgres({
      dataDir: await mkdtemp(join(tmpdir(), 'tidegauge-bench-postgres-')),
      persistent: false,
      settings: { max_connections: String(maxConnections) },
    });
    try {
      await run(server, server.connection.database, `create database ${TEMPLATE}`);
      const { password, ...address } = server.connection;
      await migrate({
        connection: { ...address, database: TEMPLATE, password: { reveal: () => password } },
        entities,
        migrationsDir: MIGRATIONS,
      });
      await run(server, TEMPLATE, SEED);
      await run(server, TEMPLATE, 'vacuum analyze');
      const users = await run(server, TEMPLATE, 'select id from users order by id');
      const [about] = await run(server, TEMPLATE, 'show server_version');
      return new BenchDatabase(
        server,
        users.map(({ id }) => String(id)),
        String(about?.['server_version']),
      );
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Makes a copy, and resolves to its URL. */
  async copy(name: string): Promise<string> {
    const { host, port, user, password, database } = this.#server.connection;
    await run(this.#server, database, `create database "${name}" template ${TEMPLATE}`);
    return `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }
}

async function run(
  { connection }: EmbeddedServer,
  database: string,
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ ...connection, database });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
