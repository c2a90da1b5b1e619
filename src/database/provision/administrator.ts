import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { PooledConnection } from '#database/pool/pooled-connection.ts';
import type { RoleLogin } from './provision-request.ts';

const CONNECT_TIMEOUT_MS = 5000;
const CLOSE_DEADLINE_MS = 1000;
const SESSION_SETTINGS = {
  search_path: 'pg_catalog',
  default_transaction_read_only: 'off',
  statement_timeout: '60000',
  // Nobody may have to wait behind a change that waits.
  lock_timeout: '5000',
};

/** A connection of the administrator. */
export interface Administrator extends AsyncDisposable {
  readonly client: pg.Client;
  /** Whether the server takes this password for this role; true for a role that is let in without any. */
  mayLogIn(login: RoleLogin): Promise<boolean>;
}

/**
 * Connects as the administrator.
 *
 * @throws DatabaseError with the code that says why not
 */
export async function openAdministrator(connection: DatabaseConnection): Promise<Administrator> {
  const administrator = await open(connection, SESSION_SETTINGS);
  return {
    client: administrator.client,
    async mayLogIn({ user, password }) {
      const { passwordFile: _, ...address } = connection;
      try {
        const role = await open({ ...address, user, password }, {});
        await role.close(CLOSE_DEADLINE_MS);
        return true;
      } catch (error) {
        // Whether a role may connect at all is asked after its password.
        return !(error instanceof DatabaseError && error.code === 'DB_AUTH_FAILED');
      }
    },
    [Symbol.asyncDispose]: () => administrator.close(CLOSE_DEADLINE_MS),
  };
}

async function open(
  connection: DatabaseConnection,
  sessionSettings: Readonly<Record<string, string>>,
): Promise<PooledConnection> {
  return await PooledConnection.open(
    {
      connection,
      applicationName: 'tidegauge/provision',
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      sessionSettings,
      isPooled: false,
    },
    { onBroken: () => undefined, signal: new AbortController().signal },
  );
}
