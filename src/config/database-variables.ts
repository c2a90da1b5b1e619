import { SSL_MODES } from './given-tls.ts';
import {
  choice,
  integer,
  label,
  milliseconds,
  text,
  toggle,
  withDefault,
  withoutDefault,
} from './setting-kind.ts';

const DATABASE_URL = '`postgresql://user:password@host:port/database`';

/** Which server, and as whom. */
export const connectionVariables = {
  DATABASE_URL: withoutDefault(
    text(DATABASE_URL),
    'unset',
    'the server; unset: an embedded PostgreSQL, in production a refusal to start',
  ),
  DATABASE_URL_FILE: withoutDefault(
    text('the path of a file that holds one line'),
    'unset',
    'file that holds `DATABASE_URL`',
  ),
  DATABASE_PASSWORD_FILE: withoutDefault(
    text('the path of a file that holds one line'),
    'unset',
    "file that holds the password, in place of the URL's; read again for every new connection",
  ),
  DATABASE_DIRECT_URL: withoutDefault(
    text(DATABASE_URL),
    'unset',
    'the same database past its pooler, for migrations, figures and a second opinion of the probe',
  ),
  DATABASE_DIRECT_URL_FILE: withoutDefault(
    text('the path of a file that holds one line'),
    'unset',
    'file that holds `DATABASE_DIRECT_URL`',
  ),
  MIGRATION_DATABASE_URL: withoutDefault(
    text(DATABASE_URL),
    'unset',
    'the server as the role that owns the schema, for migrations; unset: `DATABASE_DIRECT_URL`, else `DATABASE_URL`',
  ),
  MIGRATION_DATABASE_URL_FILE: withoutDefault(
    text('the path of a file that holds one line'),
    'unset',
    'file that holds `MIGRATION_DATABASE_URL`',
  ),
  REPORTING_DATABASE_URL: withoutDefault(
    text(DATABASE_URL),
    'unset',
    'the server, or a replica, as the role that can only read, for reports; unset: the role of the embedded server, else reports are not configured',
  ),
  REPORTING_DATABASE_URL_FILE: withoutDefault(
    text('the path of a file that holds one line'),
    'unset',
    'file that holds `REPORTING_DATABASE_URL`',
  ),
  DATABASE_REPLICA_URLS: withoutDefault(
    text(`up to 8 of ${DATABASE_URL}, with commas between them`),
    'unset',
    'replicas, for sessions that only read',
  ),
  DATABASE_REPLICA_URLS_FILE: withoutDefault(
    text('the path of a file that holds one line'),
    'unset',
    'file that holds `DATABASE_REPLICA_URLS`',
  ),
  DB_REPLICA_MAX_LAG_MS: withDefault(
    milliseconds(),
    1000,
    'a replica that is further behind is not read from',
  ),
  DB_INSTANCES: withDefault(
    integer(1, 10_000),
    1,
    'instances of the service that share the server, for the budget of connections',
  ),
  DB_SSL_MODE: withoutDefault(
    choice(...SSL_MODES),
    '`disable`, unless the URL has an `sslmode`',
    'how connections to the server are protected: not at all, encrypted, from a server of a known authority, from this very host',
  ),
  DB_SSL_ROOT_CERT: withoutDefault(
    text('the path of a file in PEM'),
    'unset',
    'authorities that may vouch for the server; unset: those that Node trusts; this file and the two below are read again for every new connection',
  ),
  DB_SSL_CERT: withoutDefault(
    text('the path of a file in PEM'),
    'unset',
    'certificate that is shown to the server, its chain after it',
  ),
  DB_SSL_KEY: withoutDefault(
    text('the path of a file in PEM'),
    'unset',
    'private key of `DB_SSL_CERT`, without a passphrase',
  ),
  DB_POOLER: withDefault<'none' | 'pgbouncer'>(
    choice('none', 'pgbouncer'),
    'none',
    '`pgbouncer`: a pooler in transaction mode stands before the server',
  ),
  MIGRATE_ON_START: withoutDefault(
    toggle,
    '`true` with the embedded server, else `false`',
    'apply pending migrations before serving; `false` with pending ones: live, not ready',
  ),
  MIGRATION_LOCK_TIMEOUT_MS: withDefault(
    milliseconds(0),
    5000,
    'a migration whose statement waits longer for a lock is rolled back, since others queue behind it; 0: it waits',
  ),
  MIGRATION_LOCK_RETRY_MS: withDefault(
    milliseconds(0),
    30_000,
    'for how long such a migration is tried again; 0: not at all',
  ),
  MIGRATION_STATEMENT_TIMEOUT_MS: withDefault(
    milliseconds(0),
    0,
    'the server ends a statement of a migration that takes longer; 0: it takes the time it takes',
  ),
};

/** How many connections, for how long, and the limits of what runs on them. */
export const poolVariables = {
  DB_POOL_NAME: withDefault(
    label,
    'main',
    'label on every metric of the pool; `reporting` and `replica-…` are those of other pools',
  ),
  DB_POOL_SIZE: withDefault(integer(1, 1000), 5, 'connections kept'),
  DB_MAX_OVERFLOW: withDefault(
    integer(0, 1000),
    10,
    'further connections while there is demand; the hard bound is the sum',
  ),
  DB_REPORTING_POOL_SIZE: withDefault(
    integer(1, 1000),
    3,
    'connections for reports, beside those; none is kept while there is no demand',
  ),
  DB_QUEUE_LIMIT: withoutDefault(
    integer(1, 100_000),
    '`150`: 10 × (`DB_POOL_SIZE` + `DB_MAX_OVERFLOW`)',
    'who waits for a connection; further ones get 503 at once',
  ),
  DB_ACQUIRE_TIMEOUT_MS: withDefault(
    milliseconds(),
    2000,
    'deadline for getting a connection, waiting and connecting included',
  ),
  DB_CONNECT_TIMEOUT_MS: withDefault(milliseconds(), 1000, 'deadline of one attempt to connect'),
  DB_POOL_PRE_PING: withDefault(
    toggle,
    true,
    'ask the server whether it is still there before a connection that was idle is used',
  ),
  DB_PRE_PING_IDLE_MS: withDefault(
    milliseconds(0),
    500,
    'connections idle for longer than this are asked; 0: before every use',
  ),
  DB_PRE_PING_TIMEOUT_MS: withDefault(milliseconds(), 500, 'deadline of that question'),
  DB_LEAK_THRESHOLD_MS: withDefault(
    milliseconds(0),
    10_000,
    'a connection held for longer is reported as leaked, with its holder; 0: off',
  ),
  DB_SLOW_QUERY_MS: withDefault(
    milliseconds(0),
    200,
    'a statement that takes longer is counted, and logged without its literals; 0: off',
  ),
  DB_IDLE_TIMEOUT_MS: withDefault(
    milliseconds(),
    60_000,
    'idle overflow connections are closed after this',
  ),
  DB_MAX_LIFETIME_MS: withDefault(milliseconds(), 1_800_000, 'age limit of a connection'),
  DB_STATEMENT_TIMEOUT_MS: withDefault(
    milliseconds(),
    5000,
    'the server ends a statement that takes longer',
  ),
  DB_LOCK_TIMEOUT_MS: withDefault(
    milliseconds(),
    3000,
    'the server ends a statement that waits longer for a lock',
  ),
  DB_IDLE_IN_TRANSACTION_TIMEOUT_MS: withDefault(
    milliseconds(),
    10_000,
    'the server ends a session that idles longer in a transaction',
  ),
  DB_SQL_COMMENTER: withDefault(
    toggle,
    false,
    'append route and `traceparent` as a comment to the statements of recorded traces, for `pg_stat_activity` and the log of the server; such a statement is not prepared',
  ),
};
