import { setTimeout as delay } from 'node:timers/promises';
import { advisoryLockKey } from '#database/advisory-lock-key.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { BoundConnection } from '#database/bound-connection.ts';

/** Of the advisory lock that a migration run holds. */
export const MIGRATION_LOCK_KEY = advisoryLockKey('tidegauge migrations');

/** How long to wait for a lock that another run holds, when nothing else is said. */
const DEFAULT_LOCK_TIMEOUT_MS = 60_000;

export interface LockOptions {
  /** Milliseconds to wait for the lock; default 60 000. */
  readonly lockTimeoutMs?: number;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal;
}

const POLL_MS = 100;

const TRY = 'select pg_try_advisory_lock(?::bigint) as "granted"';
const UNLOCK = 'select pg_advisory_unlock(?::bigint)';
const HELD = `
  select exists(
    select from pg_locks where locktype = 'advisory' and granted and objsubid = 1 and pid = pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())
      and (classid::bigint << 32 | objid::bigint) = ?::bigint
  ) as "held"`;
const HOLDER = `
  select l.pid as "pid", coalesce(a.application_name, '') as "application"
  from pg_locks l left join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select oid from pg_database where datname = current_database())
    and (l.classid::bigint << 32 | l.objid::bigint) = ?::bigint`;

/**
 * Does `work` while holding the lock. The lock belongs to a session of the server: it is freed when that session ends,
 * however it ends. The connection must therefore have one physical connection below it, which `work` uses, too.
 *
 * @throws DatabaseError `DB_MIGRATION_LOCKED` when the lock was not free in time
 */
export async function withMigrationLock<T>(
  connection: BoundConnection,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  await acquire(connection, options);
  try {
    return await work();
  } finally {
    // A session that is lost has freed the lock; the error that led here is the one to tell.
    await connection.execute(UNLOCK, [MIGRATION_LOCK_KEY]).catch(() => undefined);
  }
}

/**
 * Throws unless this session holds the lock.
 *
 * @throws DatabaseError `DB_MIGRATION_LOCKED` when the session that held it was lost and replaced
 */
export async function assertLockHeld(connection: BoundConnection): Promise<void> {
  const row = await connection.execute<{ held: boolean }>(HELD, [MIGRATION_LOCK_KEY], 'get');
  if (!row.held) {
    throw new DatabaseError(
      'DB_MIGRATION_LOCKED',
      'the session that held the lock was lost: run this again',
    );
  }
}

/**
 * Asks again and again instead of waiting on the server: a statement that waits holds a snapshot, and
 * `create index concurrently` of whoever has the lock would wait for that snapshot: a deadlock.
 */
async function acquire(
  connection: BoundConnection,
  { lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS, signal }: LockOptions,
): Promise<void> {
  await noticeDeathOfClient(connection);
  const startedAt = performance.now();
  while (!(await isGranted(connection))) {
    const waitedMs = Math.round(performance.now() - startedAt);
    if (waitedMs >= lockTimeoutMs) {
      throw await lockedError(connection, waitedMs);
    }
    await delay(POLL_MS * (0.5 + Math.random()));
    signal?.throwIfAborted();
  }
}

async function isGranted(connection: BoundConnection): Promise<boolean> {
  const row = await connection.execute<{ granted: boolean }>(TRY, [MIGRATION_LOCK_KEY], 'get');
  return row.granted;
}

/**
 * Without it, the server notices only after the running statement that its client has died, and keeps the lock until
 * then. Servers on some systems cannot do this and refuse the setting.
 */
async function noticeDeathOfClient(connection: BoundConnection): Promise<void> {
  await connection
    .execute(`select set_config('client_connection_check_interval', '1s', false)`)
    .catch(() => undefined);
}

async function lockedError(connection: BoundConnection, waitedMs: number): Promise<DatabaseError> {
  const [holder] = await connection.execute<{ pid?: number; application?: string }[]>(HOLDER, [
    MIGRATION_LOCK_KEY,
  ]);
  const who =
    holder?.pid === undefined ? '' : ` (server process ${holder.pid}, ${holder.application})`;
  return new DatabaseError(
    'DB_MIGRATION_LOCKED',
    `another migration run${who} did not end within ${waitedMs} ms`,
    { waitedMs, holderPid: holder?.pid },
  );
}
