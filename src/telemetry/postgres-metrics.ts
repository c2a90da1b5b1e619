import type { ServerReport } from '#database/server/server-figures.ts';
import type { SessionGroup } from '#database/server/server-snapshot.ts';
import { createHostMetrics } from './host-metrics.ts';
import type { HostFiguresSource } from './host-metrics.ts';
import type { Instruments } from './instruments.ts';
import { SESSION_STATES, WAIT_EVENT_TYPES } from './metric-labels.ts';

/** Resolves to what is known of the server; to undefined while there is none to ask, as behind a pooler. */
export type ServerFiguresSource = () => Promise<ServerReport | undefined>;

const GAUGES = [
  'pg_up',
  'pg_in_recovery',
  'pg_replication_lag_seconds',
  'pg_stat_activity_max_tx_duration_seconds',
  'pg_blocked_sessions',
  'pg_settings_max_connections',
  'pg_settings_reserved_connections',
  'pg_connections_used',
  'pg_database_size_bytes',
  'pg_scrape_duration_seconds',
  'pg_scrape_age_seconds',
] as const;
const COUNTERS = [
  'pg_stat_database_xact_commit_total',
  'pg_stat_database_xact_rollback_total',
  'pg_stat_database_deadlocks_total',
  'pg_stat_database_blks_hit_total',
  'pg_stat_database_blks_read_total',
  'pg_stat_database_temp_bytes_total',
  'pg_stat_database_conflicts_total',
  'pg_scrape_errors_total',
] as const;
type Name = (typeof GAUGES)[number] | (typeof COUNTERS)[number];

/** A version is shorter. */
const MAX_LABEL_LENGTH = 64;

/** Metrics of the server: those without a value are absent. `collect` never rejects, and takes as long as both sources. */
export function createPostgresMetrics(
  instruments: Instruments,
  source: ServerFiguresSource,
  hostSource: HostFiguresSource,
): { collect(): Promise<void> } {
  const info = instruments.gauge('pg_server_info');
  const activity = instruments.gauge('pg_stat_activity_count');
  const host = createHostMetrics(instruments);
  const plain = [
    ...GAUGES.map((name) => ({ name, sample: instruments.gauge(name) })),
    ...COUNTERS.map((name) => ({ name, sample: instruments.counter(name) })),
  ];
  return {
    async collect() {
      const report = await answerOf(source);
      // Asked after it, over the same connection: neither waits for the other.
      host.show(report?.snapshot && (await answerOf(hostSource)));
      const values = report && valuesOf(report);
      for (const { name, sample } of plain) {
        // A counter is the server's total, as it is: one that starts anew is seen as what it is.
        sample.remove({});
        const value = values?.[name];
        if (value !== undefined) sample.inc(value);
      }
      info.reset();
      activity.reset();
      if (report?.snapshot !== undefined) {
        const { version, sessions } = report.snapshot;
        info.set({ version: version.slice(0, MAX_LABEL_LENGTH) }, 1);
        for (const state of SESSION_STATES) {
          activity.set({ state, wait_event_type: 'none' }, 0);
        }
        for (const group of sessions) {
          activity.inc(labelsOf(group), group.count);
        }
      }
    },
  };
}

async function answerOf<T>(source: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await source();
  } catch {
    return undefined;
  }
}

function valuesOf({
  snapshot,
  databaseSize,
  ageMs,
  tookMs,
  failures,
}: ServerReport): Readonly<Record<Name, number | undefined>> {
  return {
    pg_up: snapshot === undefined ? 0 : 1,
    pg_in_recovery: snapshot && Number(snapshot.isInRecovery),
    pg_replication_lag_seconds: snapshot?.replicationLagSeconds,
    pg_stat_activity_max_tx_duration_seconds: snapshot?.oldestTransactionSeconds,
    pg_blocked_sessions: snapshot?.blockedSessions,
    pg_settings_max_connections: snapshot?.maxConnections,
    pg_settings_reserved_connections: snapshot?.reservedConnections,
    pg_connections_used: snapshot?.usedConnections,
    pg_database_size_bytes: snapshot && databaseSize,
    pg_stat_database_xact_commit_total: snapshot?.commits,
    pg_stat_database_xact_rollback_total: snapshot?.rollbacks,
    pg_stat_database_deadlocks_total: snapshot?.deadlocks,
    pg_stat_database_blks_hit_total: snapshot?.blocksHit,
    pg_stat_database_blks_read_total: snapshot?.blocksRead,
    pg_stat_database_temp_bytes_total: snapshot?.tempBytes,
    pg_stat_database_conflicts_total: snapshot?.conflicts,
    pg_scrape_duration_seconds: tookMs / 1000,
    pg_scrape_errors_total: failures,
    pg_scrape_age_seconds: ageMs === undefined ? undefined : ageMs / 1000,
  };
}

function labelsOf({ state, waitEventType }: SessionGroup) {
  return {
    state: SESSION_STATES.find((known) => known === state) ?? 'other',
    wait_event_type: WAIT_EVENT_TYPES.find((known) => known === waitEventType) ?? 'other',
  };
}
