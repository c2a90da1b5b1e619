import type { DatabaseConnection, DatabaseOptions } from './database-options.ts';
import type { PoolOptions } from '#database/pool/connection-pool.ts';

/**
 * The pool of a service's sessions. Its connections are read-only until a transaction says otherwise, so a read-only
 * session is held by the server and costs no statement of its own. Behind a transaction pooler a connection keeps no
 * settings: there, every session is a transaction, which brings its limits along.
 */
export function sessionPoolOptions(
  settings: DatabaseOptions,
  connection: DatabaseConnection,
): PoolOptions {
  const isPooled = settings.pooler === 'pgbouncer';
  return {
    ...settings,
    connection,
    applicationName: `tidegauge/${settings.poolName}`,
    isPreparing: !isPooled,
    isResetting: !isPooled,
    isPooled,
    isForWrites: settings.mayBeStandby !== true,
    sessionSettings: isPooled
      ? {}
      : { ...sessionLimits(settings), default_transaction_read_only: 'on' },
    transactionSettings: isPooled ? limits(settings) : undefined,
  };
}

type Limits = Pick<
  DatabaseOptions,
  'statementTimeoutMs' | 'lockTimeoutMs' | 'idleInTransactionTimeoutMs'
>;

/** What the server holds every session of the service to, by the server's names; nothing behind a transaction pooler. */
export function sessionLimits(
  settings: Limits & Pick<DatabaseOptions, 'pooler'>,
): Readonly<Record<string, string>> {
  return settings.pooler === 'pgbouncer' ? {} : limits(settings);
}

function limits(settings: Limits): Readonly<Record<string, string>> {
  return {
    statement_timeout: String(settings.statementTimeoutMs),
    lock_timeout: String(settings.lockTimeoutMs),
    idle_in_transaction_session_timeout: String(settings.idleInTransactionTimeoutMs),
  };
}
