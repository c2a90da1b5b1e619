/**
 * Functions of the server that everybody may call, and that leave something behind: large objects, entries of the
 * write-ahead log. No role of ours needs them.
 */
export const WRITING_FUNCTIONS: readonly string[] = [
  'lo_creat',
  'lo_create',
  'lo_from_bytea',
  'lo_put',
  'lo_truncate',
  'lo_truncate64',
  'lo_unlink',
  'lowrite',
  'pg_logical_emit_message',
];

/** Who takes an advisory lock can keep migrations waiting: for owner and service alone. */
export const LOCKING_FUNCTIONS: readonly string[] = [
  'pg_advisory_lock',
  'pg_advisory_lock_shared',
  'pg_advisory_xact_lock',
  'pg_advisory_xact_lock_shared',
  'pg_try_advisory_lock',
  'pg_try_advisory_lock_shared',
  'pg_try_advisory_xact_lock',
  'pg_try_advisory_xact_lock_shared',
];
