import type { MetricDefinition } from './metric-definition.ts';
import { GC_KINDS } from './metric-labels.ts';

const NONE = {} as const;
const TYPE = { type: 'class names of Node.js' } as const;
const VERSION = {
  version: 'one value a process',
  major: 'one value a process',
  minor: 'one value a process',
  patch: 'one value a process',
} as const;
const SPACE = { space: 'heap spaces of V8' } as const;

/** The process's own metrics, named as prom-client's default metrics, which dashboards know. */
export const PROCESS_METRICS = {
  process_cpu_user_seconds_total: counter('seconds', 'CPU time spent in user mode.'),
  process_cpu_system_seconds_total: counter('seconds', 'CPU time spent in system mode.'),
  process_cpu_seconds_total: counter('seconds', 'CPU time spent in user and system mode.'),
  process_start_time_seconds: gauge('seconds', 'Start of the process since the Unix epoch.'),
  process_resident_memory_bytes: gauge('bytes', 'Resident memory.'),
  process_virtual_memory_bytes: gauge('bytes', 'Virtual memory; Linux only.'),
  process_heap_bytes: gauge('bytes', 'Data segment of the process; Linux only.'),
  process_open_fds: gauge('descriptors', 'Open file descriptors; Linux only.'),
  process_max_fds: gauge('descriptors', 'Limit of open file descriptors; Linux only.'),
  nodejs_eventloop_lag_seconds: gauge('seconds', 'Event loop delay, measured at the last scrape.'),
  nodejs_eventloop_lag_min_seconds: gauge('seconds', 'Shortest delay since the last scrape.'),
  nodejs_eventloop_lag_max_seconds: gauge('seconds', 'Longest delay since the last scrape.'),
  nodejs_eventloop_lag_mean_seconds: gauge('seconds', 'Mean delay since the last scrape.'),
  nodejs_eventloop_lag_stddev_seconds: gauge('seconds', 'Deviation of the delay since then.'),
  nodejs_eventloop_lag_p50_seconds: gauge('seconds', 'Median delay since the last scrape.'),
  nodejs_eventloop_lag_p90_seconds: gauge('seconds', 'Delay nine in ten stayed below since then.'),
  nodejs_eventloop_lag_p99_seconds: gauge('seconds', 'Delay 99 in 100 stayed below since then.'),
  nodejs_eventloop_utilization: gauge('ratio', 'Share of time the loop was busy since then.'),
  nodejs_active_resources: gaugeBy(TYPE, 'resources', 'What keeps the event loop alive, by type.'),
  nodejs_active_resources_total: gauge('resources', 'What keeps the event loop alive, all types.'),
  nodejs_active_handles: gaugeBy(TYPE, 'handles', 'Active libuv handles, by class.'),
  nodejs_active_handles_total: gauge('handles', 'Active libuv handles, all classes.'),
  nodejs_active_requests: gaugeBy(TYPE, 'requests', 'Active libuv requests, by class.'),
  nodejs_active_requests_total: gauge('requests', 'Active libuv requests, all classes.'),
  nodejs_heap_size_total_bytes: gauge('bytes', 'JavaScript heap reserved.'),
  nodejs_heap_size_used_bytes: gauge('bytes', 'JavaScript heap in use.'),
  nodejs_heap_limit_bytes: gauge('bytes', 'Size at which the process runs out of heap.'),
  nodejs_external_memory_bytes: gauge('bytes', 'Memory of C++ objects bound to JavaScript ones.'),
  nodejs_heap_space_size_total_bytes: gaugeBy(SPACE, 'bytes', 'Heap reserved, by space.'),
  nodejs_heap_space_size_used_bytes: gaugeBy(SPACE, 'bytes', 'Heap in use, by space.'),
  nodejs_heap_space_size_available_bytes: gaugeBy(SPACE, 'bytes', 'Heap still free, by space.'),
  nodejs_version_info: gaugeBy(VERSION, '1', 'Version of Node.js; always 1.'),
  nodejs_gc_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Pauses for garbage collection, by kind.',
    labels: { kind: GC_KINDS },
    buckets: [0.001, 0.01, 0.1, 1, 2, 5],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

function counter(unit: string, help: string) {
  return { type: 'counter', unit, help, labels: NONE } as const;
}

function gauge(unit: string, help: string) {
  return { type: 'gauge', unit, help, labels: NONE } as const;
}

function gaugeBy<L extends MetricDefinition['labels']>(labels: L, unit: string, help: string) {
  return { type: 'gauge', unit, help, labels } as const;
}
