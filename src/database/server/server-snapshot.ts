import { DatabaseError } from '#database/database-error.ts';
import { STANDBY_LAG } from './standby-lag.ts';
import type { ServerConnection } from './server-connection.ts';

/** Sessions of clients that do the same. */
export interface SessionGroup {
  /** As in `pg_stat_activity`; undefined where the service's role may not look. */
  readonly state: string | undefined;
  /** The same; `none` where they do not wait. */
  readonly waitEventType: string | undefined;
  readonly count: number;
}

/** What a server says of itself at one moment. */
export interface ServerSnapshot {
  readonly version: string;
  readonly isInRecovery: boolean;
  /** Undefined where it is not known: without the right to read it, or before a standby has replayed anything. */
  readonly replicationLagSeconds: number | undefined;
  readonly sessions: readonly SessionGroup[];
  readonly usedConnections: number;
  readonly maxConnections: number;
  readonly reservedConnections: number;
  readonly blockedSessions: number;
  /** 0 when no client has a transaction open, but for the one that asks. */
  readonly oldestTransactionSeconds: number;
  /** Since the server's statistics were reset, of this database, as all that follow. */
  readonly commits: number;
  readonly rollbacks: number;
  readonly deadlocks: number;
  readonly blocksHit: number;
  readonly blocksRead: number;
  readonly tempBytes: number;
  readonly conflicts: number;
}

interface SnapshotRow extends Omit<ServerSnapshot, 'sessions' | 'replicationLagSeconds'> {
  readonly replicationLagSeconds: number | null;
  readonly states: readonly (string | null)[];
  readonly waitEventTypes: readonly (string | null)[];
  readonly counts: readonly number[];
}

// Reads the server's memory, and waits for nobody's lock on a table of the service. Of a session that the role may not
// look at only user and database are there, of which the server's own processes have one at most.
const SNAPSHOT = `
  with session as materialized (
    select pid, xact_start, state,
      case when backend_type is not null then coalesce(wait_event_type, 'none') end as wait
    from pg_catalog.pg_stat_activity
    where backend_type = 'client backend' or (backend_type is null and usesysid is not null and datid is not null)
  )
  select current_setting('server_version') as version,
    pg_is_in_recovery() as "isInRecovery",
    case
      when not pg_is_in_recovery() then (
        select case when bool_or(state is null) then null else coalesce(max(extract(epoch from replay_lag)), 0) end
        from pg_catalog.pg_stat_replication)
      else ${STANDBY_LAG}
    end::float8 as "replicationLagSeconds",
    seen.*,
    current_setting('max_connections')::int as "maxConnections",
    current_setting('superuser_reserved_connections')::int
      + coalesce(current_setting('reserved_connections', true)::int, 0) as "reservedConnections",
    (select coalesce(max(greatest(extract(epoch from clock_timestamp() - xact_start), 0)), 0)::float8
      from session where pid <> pg_backend_pid()) as "oldestTransactionSeconds",
    xact_commit::float8 as commits, xact_rollback::float8 as rollbacks, deadlocks::float8 as deadlocks,
    blks_hit::float8 as "blocksHit", blks_read::float8 as "blocksRead", temp_bytes::float8 as "tempBytes",
    conflicts::float8 as conflicts
  from pg_catalog.pg_stat_database, (
    select array_agg(state) as states, array_agg(wait) as "waitEventTypes", array_agg(n) as counts,
      sum(n) as "usedConnections", coalesce(sum(n) filter (where wait = 'Lock'), 0) as "blockedSessions"
    from (select state, wait, count(*)::float8 as n from session group by state, wait) as alike
  ) as seen
  where datname = current_database()`;

// Looks at every file of the database: what is slow there is not to cost the other figures.
const SIZE = `select pg_database_size(current_database())::float8 as bytes`;

/**
 * Asks a server for its figures, in one statement.
 *
 * @throws DatabaseError
 */
export async function takeSnapshot(server: ServerConnection): Promise<ServerSnapshot> {
  const [row] = await server.ask<SnapshotRow>(SNAPSHOT);
  if (row === undefined) {
    throw new DatabaseError('DB_UNAVAILABLE', 'bug: the server has no figures of its database');
  }
  const { replicationLagSeconds, states, waitEventTypes, counts, ...figures } = row;
  const sessions = counts.map((count, at) => ({
    state: states[at] ?? undefined,
    waitEventType: waitEventTypes[at] ?? undefined,
    count,
  }));
  return {
    ...figures,
    sessions,
    // The clock of a standby may be behind that of its primary.
    replicationLagSeconds:
      replicationLagSeconds === null ? undefined : Math.max(0, replicationLagSeconds),
  };
}

/**
 * Asks a server for the size of its database, in bytes.
 *
 * @throws DatabaseError
 */
export async function measureDatabase(server: ServerConnection): Promise<number | undefined> {
  const [row] = await server.ask<{ bytes: number }>(SIZE);
  return row?.bytes;
}
