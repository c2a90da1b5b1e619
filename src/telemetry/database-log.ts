import type { DatabaseObserver } from '#database/database-observer.ts';
import type { Logger } from './logger.ts';

/** A server that is away fails every attempt the same way: one line says it, until this has passed. */
const REPEAT_AFTER_MS = 30_000;

/** Verdicts in which requests are refused and only people can help. */
const BROKEN_STATES: ReadonlySet<string> = new Set(['down', 'read_only', 'migrations_pending']);

/**
 * Logs the database's connections and health. A failed connect is written once per pool and code
 * every 30 s, with the count of those left out. Errors of sessions are logged where they are
 * answered, not here. `now` gives milliseconds of any steady clock.
 */
export function createDatabaseLog(
  logger: Logger,
  now: () => number = () => performance.now(),
): DatabaseObserver {
  const failures = new Map<string, { at: number; suppressed: number }>();
  return {
    connectionOpened({ pool, pid, durationMs }) {
      logger.debug(
        { event: 'db.connection.opened', pool, pid, duration_ms: durationMs },
        'database connection opened',
      );
    },
    connectionClosed({ pool, pid, reason, ageMs }) {
      logger.debug(
        { event: 'db.connection.closed', pool, pid, reason, age_ms: ageMs },
        'database connection closed',
      );
    },
    connectionFailed({ pool, code, host, port, message }) {
      const key = `${pool} ${code}`;
      const last = failures.get(key);
      if (last !== undefined && now() - last.at < REPEAT_AFTER_MS) {
        last.suppressed += 1;
        return;
      }
      failures.set(key, { at: now(), suppressed: 0 });
      logger.warn(
        {
          event: 'db.connect.failed',
          pool,
          code,
          host,
          port,
          reason: message,
          suppressed: last?.suppressed ?? 0,
        },
        'no connection to the database',
      );
    },
    verdictChanged({ pool, from, to, code, message }) {
      const level = BROKEN_STATES.has(to) ? 'error' : 'info';
      logger[level](
        { event: 'db.health.changed', pool, from, to, code, reason: message },
        'database health changed',
      );
    },
  };
}
