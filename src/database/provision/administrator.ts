import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { mapDatabaseError } from '#database/map-database-error.ts';
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
/** Where the server refuses a role after its password: NOLOGIN and the limit of the role; CONNECT and the limit of the database. */
const AFTER_PASSWORD = new Set(['InitializeSessionUserId', 'CheckMyDatabase']);

/** A connection of the administrator. */
export interface Administrator {
  readonly client: pg.Client;
  /**
   * Whether this is known to be the password of this role. True also for a role that is let in without any. False where the
   * server does not let it be tried from here (`pg_hba.conf`, a password that would be revealed).
   *
   * @throws DatabaseError when the server cannot be asked
   */
  readonly mayLogIn: (login: RoleLogin) => Promise<boolean>;
}

/**
 * Does `work` on a connection of the administrator, and closes it.
 *
 * @throws DatabaseError with the code that says why nobody got in, or what the server said to the work
 */
export async function withAdministrator<T>(
  connection: DatabaseConnection,
  work: (administrator: Administrator) => Promise<T>,
): Promise<T> {
  const opened = await open(connection, SESSION_SETTINGS);
  try {
    return await work({
      client: opened.client,
      mayLogIn: (login) => mayLogIn(connection, login),
    });
  } catch (error) {
    throw mapDatabaseError(error) ?? error;
  } finally {
    await opened.close(CLOSE_DEADLINE_MS);
  }
}

async function mayLogIn(
  connection: DatabaseConnection,
  { user, password }: RoleLogin,
): Promise<boolean> {
  const { passwordFile: _, ...address } = connection;
  try {
    const role = await open({ ...address, user, password }, {});
    await role.close(CLOSE_DEADLINE_MS);
    return true;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    if (AFTER_PASSWORD.has(String(error.details['routine']))) return true;
    if (error.code === 'DB_AUTH_FAILED' || error.code === 'DB_TLS') return false;
    throw error;
  }
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
