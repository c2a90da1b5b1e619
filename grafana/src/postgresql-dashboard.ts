import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  COLOURS,
  CONNECTION_COLOURS,
  FALLBACK_COLOURS,
  OUTCOME_COLOURS,
  SESSION_COLOURS,
  WAIT_COLOURS,
} from './colours.ts';
import { stacked, timeseries } from './curve-panels.ts';
import { stat } from './stat-panel.ts';
import { dashboard } from './dashboard.ts';
import { atMost, NO_LIMITS, notAbove, notBelow, UNJUDGED } from './limits.ts';
import { gauge, increase, perMinute, rate } from './promql.ts';
import { curve, figure } from './targets.ts';

/** 14 days, as of the alert. */
const CERTIFICATE_WARNING_S = 1_209_600;

const hits = rate('pg_stat_database_blks_hit_total').max();
const reads = rate('pg_stat_database_blks_read_total').max();

const BY_POOL = '{{db_client_connection_pool_name}}';

/** In the place of figures of replicas where the settings name none. */
const NO_REPLICAS = 'no replicas';

/** In the place of figures of the host that the server does not tell. */
const NOT_KNOWN = 'cannot be had';
const KNOWN: ValueMapping = {
  type: MappingType.ValueToText,
  options: {
    0: { text: NOT_KNOWN, color: 'orange' },
    1: { text: 'known', color: 'green' },
  },
};

/** The server as it sees itself. All instances ask the same one, so the largest of their answers is shown, not the sum. */
export function postgresqlDashboard(): Dashboard {
  return dashboard('postgresql', {
    title: 'PostgreSQL',
    description: 'The server as it sees itself: health, who blocks whom, and what it does.',
    rows: [
      {
        id: 1,
        title: 'Health',
        panels: [
          stat({
            id: 2,
            title: 'Up',
            unit: 'bool_yes_no',
            width: 4,
            limits: notBelow(1, 1),
            targets: [figure(gauge('pg_up').min(), 'up')],
            shows: 'Whether every instance could ask the server last time.',
            bad: 'no: the server is away, or lets nobody in.',
            next: 'failures to connect, by reason.',
            to: 'pool',
          }),
          stat({
            id: 3,
            title: 'Version',
            unit: 'none',
            width: 4,
            limits: NO_LIMITS,
            text: 'name',
            targets: [figure(gauge('pg_server_info').max('version'), '{{version}}')],
            shows: 'Version of the server.',
            bad: 'two at once: instances ask different servers.',
            next: 'the DATABASE_URL of the instances.',
          }),
          stat({
            id: 4,
            title: 'Age of these figures',
            unit: 's',
            width: 4,
            limits: notAbove(60, 300),
            targets: [figure(gauge('pg_scrape_age_seconds').max(), 'age')],
            shows: 'Time since the last snapshot of the server.',
            bad: 'above a minute: everything on this page but Up is from before, or absent.',
            next: 'failed snapshots beside it.',
          }),
          stat({
            id: 5,
            title: 'Failed snapshots',
            unit: 'short',
            width: 4,
            limits: atMost(0),
            targets: [figure(increase('pg_scrape_errors_total').sum(), 'failed')],
            shows: 'Snapshots of the server that could not be taken in the time shown.',
            bad: 'any that come regularly.',
            next: 'whether connecting fails, and why.',
            to: 'pool',
          }),
          stat({
            id: 6,
            title: 'Replication lag',
            unit: 's',
            width: 4,
            limits: notAbove(30),
            targets: [figure(gauge('pg_replication_lag_seconds').max(), 'lag')],
            shows: 'How far the slowest standby is behind, 0 without one.',
            bad: 'above 30 s: reads of a replica are old, and a failover would lose them.',
            next: 'temporary files and commits: does the server write more than usual.',
          }),
          stat({
            id: 9,
            title: 'Certificates expire in',
            unit: 's',
            width: 4,
            limits: notBelow(0, CERTIFICATE_WARNING_S),
            targets: [figure(gauge('db_tls_certificate_expiry_seconds').min(), 'left')],
            shows:
              'Time left until the first certificate expires that connections depend on. Nothing without TLS.',
            bad: 'below 14 days: soon no connection can be opened.',
            next: 'the check database:tls of GET /healthz says which day it is.',
          }),
          timeseries({
            id: 7,
            title: 'Connections used of those left to us',
            unit: 'short',
            line: 'limit',
            colours: CONNECTION_COLOURS,
            width: 12,
            targets: [
              curve(gauge('pg_connections_used').max(), 'used'),
              curve(
                gauge('pg_settings_max_connections')
                  .max()
                  .minus(gauge('pg_settings_reserved_connections').max()),
                'limit',
              ),
            ],
            shows: 'Client sessions of the whole server under what ordinary roles may have.',
            bad: 'above 85 %: the next deploy or pool will be refused.',
            next: 'who holds them: pools of all instances together.',
            to: 'pool',
          }),
          timeseries({
            id: 8,
            title: 'Size of the database',
            unit: 'bytes',
            width: 12,
            targets: [curve(gauge('pg_database_size_bytes').max(), 'size')],
            shows: 'Size of the database of this service.',
            bad: 'growing faster than the disk was planned for.',
            next: 'commits: what writes.',
          }),
        ],
      },
      {
        id: 10,
        title: 'Active problems',
        panels: [
          stacked({
            id: 11,
            title: 'Sessions by state',
            colours: SESSION_COLOURS,
            unit: 'short',
            width: 8,
            targets: [
              curve(
                gauge('pg_stat_activity_count').max('state', 'wait_event_type').sum('state'),
                '{{state}}',
              ),
            ],
            shows: 'Client sessions of the whole server, by what they do.',
            bad: 'idle in transaction that stays; active above the number of cores.',
            next: 'what they wait for, beside it.',
          }),
          stacked({
            id: 12,
            title: 'Sessions by what they wait for',
            colours: WAIT_COLOURS,
            unit: 'short',
            width: 8,
            targets: [
              curve(
                gauge('pg_stat_activity_count', { state: 'active' }).max('wait_event_type'),
                '{{wait_event_type}}',
              ),
            ],
            shows: 'Active sessions by type of the event they wait for; none is work on the CPU.',
            bad: 'Lock: somebody blocks. IO: the disk. LWLock: too many at once.',
            next: 'blocked sessions, below.',
          }),
          timeseries({
            id: 13,
            title: 'Blocked sessions',
            unit: 'short',
            width: 8,
            limits: atMost(0),
            targets: [curve(gauge('pg_blocked_sessions').max(), 'blocked')],
            shows: 'Sessions that wait for a lock another one holds.',
            bad: 'above 0 for longer than a moment.',
            next: 'the oldest transaction: it is usually the one that holds.',
          }),
          timeseries({
            id: 14,
            title: 'Oldest transaction',
            unit: 's',
            width: 8,
            limits: notAbove(60, 300),
            targets: [curve(gauge('pg_stat_activity_max_tx_duration_seconds').max(), 'age')],
            shows: 'Age of the oldest open transaction of a client.',
            bad: 'above five minutes: it holds locks and keeps vacuum from cleaning.',
            next: 'GET /pool names the holder when it is ours.',
            to: 'pool',
          }),
          timeseries({
            id: 15,
            title: 'Idle in transaction',
            unit: 'short',
            width: 8,
            limits: notAbove(1),
            targets: [
              curve(
                gauge('pg_stat_activity_count', {
                  state: ['idle in transaction', 'idle in transaction (aborted)'],
                })
                  .max('state', 'wait_event_type')
                  .sum()
                  .or0Of(gauge('pg_connections_used').max()),
                'sessions',
              ),
            ],
            shows: 'Sessions whose transaction is open while they do nothing.',
            bad: 'any that stays: work outside the database inside of a session.',
            next: 'hold times of the pool.',
            to: 'pool',
          }),
          timeseries({
            id: 16,
            title: 'Deadlocks per minute',
            unit: 'short',
            width: 8,
            limits: atMost(0),
            targets: [curve(perMinute('pg_stat_database_deadlocks_total').max(), 'deadlocks')],
            shows: 'Deadlocks that the server broke up.',
            bad: 'any: two routes take the same rows in different order.',
            next: 'retries and errors by code.',
            to: 'queries',
          }),
        ],
      },
      {
        id: 20,
        title: 'Performance',
        panels: [
          timeseries({
            id: 21,
            title: 'Transactions',
            colours: OUTCOME_COLOURS,
            unit: 'cps',
            width: 8,
            targets: [
              curve(rate('pg_stat_database_xact_commit_total').max(), 'commits'),
              curve(rate('pg_stat_database_xact_rollback_total').max(), 'rollbacks'),
            ],
            shows: 'Transactions of this database per second, of everybody who uses it.',
            bad: 'rollbacks that rise with errors; commits that rise without requests: somebody else.',
            next: 'errors by code.',
            to: 'queries',
          }),
          timeseries({
            id: 22,
            title: 'Found in the buffer cache',
            unit: 'percentunit',
            width: 8,
            limits: notBelow(0.9, 0.99),
            targets: [curve(hits.over(hits.plus(reads)), 'hits')],
            shows: 'Share of the blocks read lately that were in shared buffers.',
            bad: 'below 99 % where it used to be above: a new statement reads much, or memory is short.',
            next: 'the slowest operations.',
            to: 'queries',
          }),
          timeseries({
            id: 23,
            title: 'Temporary files',
            unit: 'Bps',
            width: 8,
            limits: notAbove(10_000_000),
            targets: [curve(rate('pg_stat_database_temp_bytes_total').max(), 'written')],
            shows:
              'Bytes per second that sorts and joins write to disk since work_mem does not hold them.',
            bad: 'any that come regularly.',
            next: 'the slowest operations.',
            to: 'queries',
          }),
        ],
      },
      {
        id: 30,
        title: 'Host',
        panels: [
          stat({
            id: 32,
            title: 'Known here',
            unit: 'short',
            width: 6,
            limits: UNJUDGED,
            mappings: [KNOWN],
            targets: [figure(gauge('pg_host_stats_available').min(), 'known')],
            shows: 'Whether the server tells its own CPU and memory.',
            bad: 'cannot be had: the panels of this row are empty, and alerts on them cannot fire.',
            next: 'the reason beside it; docs/operations.md says what to do.',
          }),
          stat({
            id: 33,
            title: 'What they are of',
            unit: 'none',
            width: 6,
            limits: NO_LIMITS,
            text: 'name',
            targets: [figure(gauge('pg_host_info').max('source'), '{{source}}')],
            shows:
              'A control group is the own container of the server; processes are all of the server.',
            bad: 'none: there are no figures.',
            next: 'what keeps them from being had, beside it.',
          }),
          stat({
            id: 34,
            title: 'What is in the way',
            unit: 'none',
            width: 6,
            limits: NO_LIMITS,
            text: 'name',
            targets: [figure(gauge('pg_host_info').max('fault'), '{{fault}}')],
            shows: 'Why figures are missing; none when all are there.',
            bad: 'not_provisioned and refused can be mended; incomplete: memory alone is missing.',
            next: 'the line db.host_figures.missing.',
            to: 'logs-traces',
          }),
          stat({
            id: 35,
            title: 'CPU in use',
            unit: 'percentunit',
            width: 6,
            limits: notAbove(0.7, 0.9),
            empty: NOT_KNOWN,
            targets: [
              figure(
                rate('pg_host_cpu_seconds_total').max().over(gauge('pg_host_cpu_cores').max()),
                'used',
              ),
            ],
            shows: 'Share of the cores that the server may use.',
            bad: 'above 90 %: statements wait for a core.',
            next: 'which statements: GET /pool/queries.',
            to: 'queries',
          }),
          timeseries({
            id: 36,
            title: 'CPU cores used',
            unit: 'short',
            line: 'cores',
            colours: { used: COLOURS.query },
            empty: NOT_KNOWN,
            width: 12,
            targets: [
              curve(rate('pg_host_cpu_seconds_total').max(), 'used'),
              curve(gauge('pg_host_cpu_cores').max(), 'cores'),
            ],
            shows: 'CPU seconds per second of the whole server, under the cores it may use.',
            bad: 'near the line: the server, not the pool, is what is short.',
            next: 'sessions that are active without a wait, above, and the slowest operations.',
            to: 'queries',
          }),
          timeseries({
            id: 37,
            title: 'Memory used',
            unit: 'bytes',
            line: 'limit',
            colours: { used: COLOURS.query },
            empty: NOT_KNOWN,
            width: 12,
            targets: [
              curve(gauge('pg_host_memory_bytes').max(), 'used'),
              curve(gauge('pg_host_memory_limit_bytes').max(), 'limit'),
            ],
            shows:
              'Memory of the whole server, under what it may use; file cache that nobody uses is not in it.',
            bad: 'near the line: the kernel will end a backend, and with it all sessions.',
            next: 'connections used, above: each has memory of its own.',
          }),
        ],
      },
      {
        id: 40,
        title: 'Replicas',
        panels: [
          stat({
            id: 41,
            title: 'Read from',
            unit: 'bool_yes_no',
            width: 24,
            limits: notBelow(1, 1),
            empty: NO_REPLICAS,
            targets: [
              figure(gauge('db_replica_usable').min('db_client_connection_pool_name'), BY_POOL),
            ],
            shows: 'Whether every instance reads from the replica of this pool.',
            bad: 'no: it is too far behind, promoted or away, and the others take its reads.',
            next: 'the line db.replica.changed says which it is.',
            to: 'logs-traces',
          }),
          timeseries({
            id: 42,
            title: 'Lag',
            unit: 's',
            line: 'allowed',
            width: 12,
            empty: NO_REPLICAS,
            targets: [
              curve(gauge('db_replica_lag_seconds').max('db_client_connection_pool_name'), BY_POOL),
              curve(gauge('db_replica_max_lag_seconds').min(), 'allowed'),
            ],
            shows:
              'How far the replica is behind as the instances see it, under DB_REPLICA_MAX_LAG_MS. Nothing while it is not known.',
            bad: 'above the line: it is not read from before it is half as far behind.',
            next: 'transactions, above: does the primary write more than usual.',
          }),
          stacked({
            id: 43,
            title: 'Fallbacks to the primary',
            unit: 'cps',
            width: 12,
            colours: FALLBACK_COLOURS,
            targets: [curve(rate('db_replica_fallbacks_total').sum('reason'), '{{reason}}')],
            shows:
              'Sessions that only read and went to the primary although there are replicas, per second.',
            bad: 'unusable: no replica is up to date. connect: the pool of a replica is full, or cannot connect. read_after follows writes and is as it should be.',
            next: 'whether the pool of the primary can carry them.',
            to: 'pool',
          }),
        ],
      },
    ],
  });
}
