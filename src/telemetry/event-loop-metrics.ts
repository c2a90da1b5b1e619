import {
  constants,
  monitorEventLoopDelay,
  performance,
  PerformanceObserver,
} from 'node:perf_hooks';
import { childrenOf } from './children.ts';
import type { Instruments } from './instruments.ts';
import { GC_KINDS } from './metric-labels.ts';

/** Sampling interval of the event loop's delay; prom-client's own. */
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;

/** Records every pause for garbage collection until it is disconnected. */
export function observePauses(instruments: Instruments): PerformanceObserver {
  const duration = instruments.histogram('nodejs_gc_duration_seconds');
  const durations = childrenOf(GC_KINDS, (kind) => duration({ kind }));
  const kinds = new Map<unknown, (typeof GC_KINDS)[number]>([
    [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
    [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
    [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
  ]);
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const detail: unknown = Reflect.get(entry, 'detail');
      const kind =
        typeof detail === 'object' && detail !== null
          ? kinds.get(Reflect.get(detail, 'kind'))
          : undefined;
      if (kind !== undefined) {
        durations.get(kind)?.observe(entry.duration / 1000);
      }
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return observer;
}

/** Measures the event loop between two scrapes; `close` ends the sampling. */
export function observeDelays(instruments: Instruments): { collect(): void; close(): void } {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const lag = instruments.gauge('nodejs_eventloop_lag_seconds');
  const min = instruments.gauge('nodejs_eventloop_lag_min_seconds');
  const max = instruments.gauge('nodejs_eventloop_lag_max_seconds');
  const mean = instruments.gauge('nodejs_eventloop_lag_mean_seconds');
  const deviation = instruments.gauge('nodejs_eventloop_lag_stddev_seconds');
  const p50 = instruments.gauge('nodejs_eventloop_lag_p50_seconds');
  const p90 = instruments.gauge('nodejs_eventloop_lag_p90_seconds');
  const p99 = instruments.gauge('nodejs_eventloop_lag_p99_seconds');
  const utilization = instruments.gauge('nodejs_eventloop_utilization');
  let lastUtilization = performance.eventLoopUtilization();
  return {
    collect() {
      const asked = performance.now();
      setImmediate(() => lag.set((performance.now() - asked) / 1000));
      const now = performance.eventLoopUtilization();
      utilization.set(performance.eventLoopUtilization(now, lastUtilization).utilization);
      lastUtilization = now;
      // Without a sample the figures are not numbers: the last ones stand.
      if (delays.count > 0) {
        min.set(delays.min / NANOSECONDS);
        max.set(delays.max / NANOSECONDS);
        mean.set(delays.mean / NANOSECONDS);
        deviation.set(delays.stddev / NANOSECONDS);
        p50.set(delays.percentile(50) / NANOSECONDS);
        p90.set(delays.percentile(90) / NANOSECONDS);
        p99.set(delays.percentile(99) / NANOSECONDS);
        delays.reset();
      }
    },
    close: () => void delays.disable(),
  };
}
