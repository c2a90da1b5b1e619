import type { DatabaseObserver } from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { bornAtZero, childrenOf, type CounterChild } from './children.ts';
import type { Instruments } from './instruments.ts';
import {
  ACQUIRE_RESULTS,
  CLOSE_REASONS,
  CONNECT_FAILURE_REASONS,
  connectFailureReason,
  PING_RESULTS,
  RECLAIM_CAUSES,
} from './metric-labels.ts';
import { PerPool } from './per-pool.ts';
import { createPoolGauges } from './pool-gauges.ts';

/** Metrics of pools: what happened is counted when it is told, what is so is read at the scrape. */
export function createPoolMetrics(instruments: Instruments) {
  const pools = new PerPool(binder(instruments));
  const gauges = createPoolGauges(instruments);
  return {
    observer: {
      acquireEnded({ pool, scope, outcome, waitedMs }) {
        const metrics = pools.of(pool);
        metrics.waitTime.get(outcome)?.observe(waitedMs / 1000, scope);
        if (outcome === 'timeout') {
          metrics.timeouts.inc();
        } else if (outcome === 'refused') {
          metrics.rejections.inc();
        }
      },
      leaseEnded: ({ pool, scope, heldMs }) => pools.of(pool).useTime.observe(heldMs / 1000, scope),
      leaseReclaimed: ({ pool, reason }) => pools.of(pool).reclaimed.get(reason)?.inc(),
      leaseLeaked: ({ pool }) => pools.of(pool).leaks.inc(),
      pingEnded: ({ pool, outcome }) => pools.of(pool).pings.get(outcome)?.inc(),
      connectionOpened({ pool, durationMs }) {
        const metrics = pools.of(pool);
        metrics.opened.inc();
        metrics.createTime.observe(durationMs / 1000);
      },
      connectionClosed: ({ pool, reason }) => pools.of(pool).closed.get(reason)?.inc(),
      connectionFailed: ({ pool, code }) =>
        pools.of(pool).failures.get(connectFailureReason(code))?.inc(),
    } satisfies DatabaseObserver,
    /** Takes over what the pools that are there now say of themselves; the others lose their gauges. */
    collect(all: readonly PoolStats[]): void {
      gauges.set(all);
      for (const { name, usedSeconds, exhaustedSeconds } of all) {
        const metrics = pools.of(name);
        metrics.usedSeconds(usedSeconds);
        metrics.exhaustedSeconds(exhaustedSeconds);
      }
    },
  };
}

/** Binds everything of one pool. */
function binder(instruments: Instruments) {
  const waitTime = instruments.histogram('db_client_connection_wait_time_seconds');
  const createTime = instruments.histogram('db_client_connection_create_time_seconds');
  const useTime = instruments.histogram('db_client_connection_use_time_seconds');
  const timeouts = instruments.counter('db_client_connection_timeouts_total');
  const rejections = instruments.counter('db_client_connection_rejections_total');
  const failures = instruments.counter('db_client_connection_failures_total');
  const opened = instruments.counter('db_client_connection_opened_total');
  const closed = instruments.counter('db_client_connection_closed_total');
  const pings = instruments.counter('db_client_connection_pings_total');
  const used = instruments.counter('db_client_connection_used_seconds_total');
  const exhausted = instruments.counter('db_client_connection_exhausted_seconds_total');
  const leaks = instruments.counter('db_client_connection_leaks_total');
  const reclaimed = instruments.counter('db_client_connection_reclaimed_total');

  return (name: string) => {
    const pool = { db_client_connection_pool_name: name };
    return {
      waitTime: childrenOf(ACQUIRE_RESULTS, (outcome) => waitTime({ ...pool, outcome })),
      createTime: createTime(pool),
      useTime: useTime(pool),
      timeouts: bornAtZero(timeouts.labels(pool)),
      rejections: bornAtZero(rejections.labels(pool)),
      failures: childrenOf(CONNECT_FAILURE_REASONS, (reason) =>
        bornAtZero(failures.labels({ ...pool, reason })),
      ),
      opened: bornAtZero(opened.labels(pool)),
      closed: childrenOf(CLOSE_REASONS, (reason) => bornAtZero(closed.labels({ ...pool, reason }))),
      pings: childrenOf(PING_RESULTS, (outcome) => bornAtZero(pings.labels({ ...pool, outcome }))),
      usedSeconds: pulled(bornAtZero(used.labels(pool))),
      exhaustedSeconds: pulled(bornAtZero(exhausted.labels(pool))),
      leaks: bornAtZero(leaks.labels(pool)),
      reclaimed: childrenOf(RECLAIM_CAUSES, (reason) =>
        bornAtZero(reclaimed.labels({ ...pool, reason })),
      ),
    };
  };
}

/** Follows a total that somebody else keeps. It starts anew with a pool of the same name; the counter never goes back. */
function pulled(child: CounterChild): (total: number) => void {
  let last = 0;
  return (total) => {
    child.inc(total >= last ? total - last : total);
    last = total;
  };
}
