import type { ProvisionRequest } from '#database/provision/provision-request.ts';
import type { WaysToDatabase } from '#database/ways-to-database.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { revealing } from './embedded-access.ts';
import { provisionEmbedded } from './provision-embedded.ts';

/** Where the server keeps its state, and what its roles are for. */
export interface EmbeddedDatabaseOptions extends Omit<ProvisionRequest, 'roles'> {
  readonly dataDir: string;
  /** Gets the lines of the server and of its keeper. */
  readonly log: (line: string) => void;
}

/** An embedded server that has the roles of a service. */
export interface EmbeddedDatabase {
  readonly ways: WaysToDatabase;
  /** What had to change of its roles and rights. */
  readonly changes: readonly string[];
  /** Idempotent, never hangs. */
  stop(): Promise<void>;
}

/** Starts the embedded server of a service, with production's rights. It is stopped again when this rejects. */
export async function startEmbeddedDatabase({
  dataDir,
  log,
  ...request
}: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  const server = await startEmbeddedPostgres({
    dataDir,
    persistent: true,
    // What it says of a statement that failed quotes values; the service tells code and SQLSTATE.
    settings: { log_min_messages: 'log', shared_preload_libraries: 'pg_stat_statements' },
    log,
  });
  try {
    const { changes } = await provisionEmbedded(server, request);
    const { owner, app, reader } = server.roles;
    return {
      ways: {
        connection: revealing(app),
        migration: () => revealing(owner),
        reporting: revealing(reader),
      },
      changes,
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
