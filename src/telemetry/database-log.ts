import type {
  DatabaseObserver,
  LeakReturned,
  LeaseLeaked,
  LeaseReclaimed,
  QueryEnded,
} from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { Logger } from './logger.ts';
import { collectionNames, operationName } from './metric-labels.ts';
import { readOr } from './read-or.ts';
import { repeatLimit } from './repeat-limit.ts';
import { sanitizeSql } from './sanitize-sql.ts';
import { stackFrames } from './stack-frames.ts';

/** What a log of the database works with; all of it has a default. */
export interface DatabaseLogParts {
  /** Figures for the line that says that a pool is exhausted; without it the line has none. */
  readonly poolStats?: () => readonly PoolStats[];
  /** Statements that take longer have a line, with their SQL; 0 = none. */
  readonly slowQueryMs?: number;
  /** Tables of the entities: slow statements on others share their lines. */
  readonly tables?: readonly string[];
  /** Milliseconds of any steady clock. */
  readonly now?: () => number;
}

/** What fails for one borrower fails for all of them: one line says it, until this has passed. */
const REPEAT_AFTER_MS = 30_000;

/** Verdicts in which requests are refused and only people can help. */
const BROKEN_STATES: ReadonlySet<string> = new Set(['down', 'read_only', 'migrations_pending']);

/**
 * A pool works for all requests: whichever of them a socket or a timer happened to be made in has nothing to do with
 * what it tells.
 */
const OF_NO_REQUEST = { request_id: undefined, trace_id: undefined, span_id: undefined };

/**
 * Logs the database's connections, leases and health. What comes in storms is written once per pool and kind every 30 s,
 * with the count of those left out. Errors of sessions are logged where they are answered, not here.
 */
export function createDatabaseLog(
  logger: Logger,
  {
    poolStats = () => [],
    slowQueryMs = 0,
    tables = [],
    now = () => performance.now(),
  }: DatabaseLogParts = {},
): DatabaseObserver {
  const limited = repeatLimit(REPEAT_AFTER_MS, now);
  const collectionName = collectionNames(tables);

  const slowQuery = (event: QueryEnded) => {
    const { pool, holder, scope, text, operation, collection, durationMs, code } = event;
    const kind = `${operationName(operation)} ${collectionName(collection)}`;
    limited(`slow ${kind} ${pool}`, (suppressed) =>
      logger.warn(
        {
          event: 'db.query.slow',
          pool,
          holder,
          trace_id: scope?.traceId,
          span_id: scope?.spanId,
          duration_ms: Math.round(durationMs),
          query: collection === undefined ? operation : `${operation} ${collection}`,
          code,
          sql: sanitizeSql(text),
          suppressed,
        },
        'a statement took long',
      ),
    );
  };

  return {
    // Absent where it is off: then no event is made for it.
    ...(slowQueryMs > 0 && {
      queryEnded: (event: QueryEnded) =>
        event.durationMs > slowQueryMs ? slowQuery(event) : undefined,
    }),
    // Told of every borrower: for those who got a connection it costs two comparisons.
    acquireEnded({ pool, holder, scope, outcome, waitedMs }) {
      if (outcome === 'timeout' || outcome === 'refused') {
        limited(`exhausted ${outcome} ${pool}`, (suppressed) =>
          logger.warn(
            {
              event: 'db.pool.exhausted',
              pool,
              outcome,
              holder,
              trace_id: scope?.traceId,
              span_id: scope?.spanId,
              waited_ms: Math.round(waitedMs),
              ...figuresOf(pool, readOr(poolStats, [])),
              suppressed,
            },
            'no database connection for a borrower',
          ),
        );
      }
    },
    leaseLeaked(event) {
      logger.warn(
        { event: 'db.pool.leak', ...leaseFields(event), stack: stackFrames(event.stack ?? '') },
        'a database connection is held for too long',
      );
    },
    leakReturned(event) {
      logger.info(
        { event: 'db.pool.leak_returned', ...leaseFields(event) },
        'a database connection held for too long came back',
      );
    },
    leaseReclaimed(event) {
      const { pool, reason } = event;
      limited(`reclaimed ${reason} ${pool}`, (suppressed) =>
        logger.warn(
          { event: 'db.pool.reclaimed', ...leaseFields(event), reason, suppressed },
          'a database connection died while it was leased',
        ),
      );
    },
    pingEnded({ pool, pid, outcome, durationMs }) {
      if (outcome === 'failed') {
        limited(`ping ${pool}`, (suppressed) =>
          logger.info(
            {
              ...OF_NO_REQUEST,
              event: 'db.ping.failed',
              pool,
              pid,
              duration_ms: Math.round(durationMs),
              suppressed,
            },
            'an idle database connection was dead',
          ),
        );
      }
    },
    queryCancelled({ pool, holder, scope }) {
      logger.debug(
        { ...OF_NO_REQUEST, event: 'db.query.cancelled', pool, holder, trace_id: scope?.traceId },
        'the server was asked to cancel the statement of a holder that is gone',
      );
    },
    sessionRetried({ pool, session, outcome }) {
      const fields = { event: 'db.session.retried', pool, session, outcome };
      if (outcome === 'retried' || outcome === 'succeeded') {
        logger.debug(fields, 'a session met a concurrent one');
      } else {
        limited(`${outcome} ${pool}`, (suppressed) =>
          logger.info({ ...fields, suppressed }, 'a session gave way to concurrent ones'),
        );
      }
    },
    connectionOpened({ pool, pid, durationMs }) {
      logger.debug(
        {
          ...OF_NO_REQUEST,
          event: 'db.connection.opened',
          pool,
          pid,
          duration_ms: Math.round(durationMs),
        },
        'database connection opened',
      );
    },
    connectionClosed({ pool, pid, reason, ageMs }) {
      logger.debug(
        {
          ...OF_NO_REQUEST,
          event: 'db.connection.closed',
          pool,
          pid,
          reason,
          age_ms: Math.round(ageMs),
        },
        'database connection closed',
      );
    },
    connectionFailed({ pool, code, host, port, message: reason }) {
      limited(`${code} ${pool}`, (suppressed) =>
        logger.warn(
          {
            ...OF_NO_REQUEST,
            event: 'db.connect.failed',
            pool,
            code,
            host,
            port,
            reason,
            suppressed,
          },
          'no connection to the database',
        ),
      );
    },
    figuresFailed({ pool, code, message: reason }) {
      limited(`figures ${code} ${pool}`, (suppressed) =>
        logger.warn(
          { ...OF_NO_REQUEST, event: 'db.figures.failed', pool, code, reason, suppressed },
          'the server did not tell its figures',
        ),
      );
    },
    hostFiguresMissing({ pool, fault, advice }) {
      logger.warn(
        { ...OF_NO_REQUEST, event: 'db.host_figures.missing', pool, fault, advice },
        'CPU and memory of the server cannot be had',
      );
    },
    replicaChanged({ pool, from, to, lagMs, code, message }) {
      const level = to === 'usable' ? 'info' : 'warn';
      logger[level](
        {
          ...OF_NO_REQUEST,
          event: 'db.replica.changed',
          pool,
          from,
          to,
          lag_ms: lagMs === undefined ? undefined : Math.round(lagMs),
          code,
          reason: message,
        },
        to === 'usable' ? 'a replica is read from' : 'a replica is not read from',
      );
    },
    verdictChanged({ pool, from, to, code, message }) {
      const level = BROKEN_STATES.has(to) ? 'error' : 'info';
      logger[level](
        { event: 'db.health.changed', pool, from, to, code, reason: message },
        'database health changed',
      );
    },
    selfCheckFound({ pool, id, severity, message: reason, advice }) {
      logger[severity === 'info' ? 'info' : 'warn'](
        { ...OF_NO_REQUEST, event: 'db.selfcheck.finding', pool, id, reason, advice },
        'the server is not as the service would have it',
      );
    },
    selfCheckFailed({ pool, code, message: reason }) {
      limited(`self-check ${code} ${pool}`, (suppressed) =>
        logger.warn(
          { ...OF_NO_REQUEST, event: 'db.selfcheck.failed', pool, code, reason, suppressed },
          'the server could not be checked',
        ),
      );
    },
  };
}

function leaseFields({
  pool,
  holder,
  scope,
  pid,
  heldMs,
}: LeaseReclaimed | LeaseLeaked | LeakReturned) {
  return {
    ...OF_NO_REQUEST,
    pool,
    holder,
    trace_id: scope?.traceId,
    pid,
    held_ms: Math.round(heldMs),
  };
}

/** Who is short of what: borrowers of connections (`used` at `max`), or the pool of the server (`used` below it). */
function figuresOf(pool: string, all: readonly PoolStats[]) {
  const stats = all.find(({ name }) => name === pool);
  return (
    stats && {
      used: stats.used,
      idle: stats.idle,
      connecting: stats.connecting,
      waiting: stats.waiting,
      max: stats.max,
      oldest_use_ms: Math.round(stats.oldestUseMs),
    }
  );
}
