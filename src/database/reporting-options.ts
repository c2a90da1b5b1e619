import type { DatabaseSettings } from '#config/settings.ts';
import type { DatabaseConnection, DatabaseOptions } from './database-options.ts';

/** Names the pool of reports in metrics, logs and views. */
const REPORTING_POOL = 'reporting';

/**
 * The pool of reports: as the main one, small, and with nothing open until a report is asked for, so that a server of
 * reports that is away is nobody else's trouble. `statementTimeoutMs` is that of a whole report: of a cursor the server
 * counts from its first read to its last.
 */
export function reportingOptions(
  settings: DatabaseSettings,
  connection: DatabaseConnection,
  statementTimeoutMs: number,
): DatabaseOptions {
  const { reportingPoolSize, leakThresholdMs } = settings;
  return {
    ...settings,
    connection,
    // It may be a replica itself, and has none.
    mayBeStandby: true,
    replicas: [],
    poolName: REPORTING_POOL,
    poolSize: 0,
    maxOverflow: reportingPoolSize,
    queueLimit: 10 * reportingPoolSize,
    statementTimeoutMs,
    // A report that is still being read is none.
    leakThresholdMs: leakThresholdMs === 0 ? 0 : Math.max(leakThresholdMs, statementTimeoutMs),
  };
}
