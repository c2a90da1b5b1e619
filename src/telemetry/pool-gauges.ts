import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { Instruments } from './instruments.ts';

/** Gauges of the pools that are there now, from their snapshots. */
export function createPoolGauges(instruments: Instruments) {
  const count = instruments.gauge('db_client_connection_count');
  const max = instruments.gauge('db_client_connection_max');
  const idleMin = instruments.gauge('db_client_connection_idle_min');
  const idleMax = instruments.gauge('db_client_connection_idle_max');
  const pending = instruments.gauge('db_client_connection_pending_requests');
  const oldestPending = instruments.gauge('db_client_connection_oldest_pending_seconds');
  const prepared = instruments.gauge('db_client_prepared_statements');
  const oldestUse = instruments.gauge('db_client_connection_oldest_use_seconds');
  const certificateExpiry = instruments.gauge('db_tls_certificate_expiry_seconds');
  const gauges = [
    count,
    max,
    idleMin,
    idleMax,
    pending,
    oldestPending,
    oldestUse,
    prepared,
    certificateExpiry,
  ];
  return {
    /** Replaces what was said before: a pool that is not among `all` has no gauges. */
    set(all: readonly PoolStats[]): void {
      for (const gauge of gauges) {
        gauge.reset();
      }
      for (const stats of all) {
        const pool = { db_client_connection_pool_name: stats.name };
        count.set({ ...pool, db_client_connection_state: 'idle' }, stats.idle);
        count.set({ ...pool, db_client_connection_state: 'used' }, stats.used);
        count.set({ ...pool, db_client_connection_state: 'connecting' }, stats.connecting);
        max.set(pool, stats.max);
        idleMin.set(pool, stats.size);
        idleMax.set(pool, stats.max);
        pending.set(pool, stats.waiting);
        oldestPending.set(pool, stats.oldestWaitMs / 1000);
        oldestUse.set(pool, stats.oldestUseMs / 1000);
        prepared.set(pool, stats.prepared);
        if (stats.certificatesExpireAt !== undefined) {
          certificateExpiry.set(pool, (stats.certificatesExpireAt - Date.now()) / 1000);
        }
      }
    },
  };
}
