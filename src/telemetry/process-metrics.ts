import { readdirSync, readFileSync } from 'node:fs';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { observeDelays, observePauses } from './event-loop-metrics.ts';
import type { Instruments } from './instruments.ts';
import { readOr } from './read-or.ts';

export interface ProcessMetrics {
  /** Reads everything that is read at a scrape; never throws. */
  collect(): void;
  /** Stops the measuring of pauses and delays; idempotent. */
  close(): void;
}

/** Metrics of the process, as prom-client's defaults, whose observers could not be stopped. */
export function createProcessMetrics(instruments: Instruments): ProcessMetrics {
  const pauses = observePauses(instruments);
  const delays = observeDelays(instruments);
  const collectors = [
    cpuCollector(instruments),
    memoryCollector(instruments),
    heapSpaceCollector(instruments),
    descriptorCollector(instruments),
    activityCollector(instruments),
    () => delays.collect(),
  ];
  const [major = '', minor = '', patch = ''] = process.versions.node.split('.');
  instruments
    .gauge('nodejs_version_info')
    .set({ version: process.version, major, minor, patch }, 1);
  instruments
    .gauge('process_start_time_seconds')
    .set(Math.round(Date.now() / 1000 - process.uptime()));
  return {
    collect() {
      for (const collect of collectors) {
        readOr(collect, undefined);
      }
    },
    close() {
      pauses.disconnect();
      delays.close();
    },
  };
}

function cpuCollector(instruments: Instruments) {
  const user = instruments.counter('process_cpu_user_seconds_total');
  const system = instruments.counter('process_cpu_system_seconds_total');
  const both = instruments.counter('process_cpu_seconds_total');
  let last = { user: 0, system: 0 };
  return () => {
    const spent = process.cpuUsage();
    const userSeconds = Math.max(spent.user - last.user, 0) / 1e6;
    const systemSeconds = Math.max(spent.system - last.system, 0) / 1e6;
    last = spent;
    user.inc(userSeconds);
    system.inc(systemSeconds);
    both.inc(userSeconds + systemSeconds);
  };
}

function memoryCollector(instruments: Instruments) {
  const resident = instruments.gauge('process_resident_memory_bytes');
  const heapTotal = instruments.gauge('nodejs_heap_size_total_bytes');
  const heapUsed = instruments.gauge('nodejs_heap_size_used_bytes');
  const external = instruments.gauge('nodejs_external_memory_bytes');
  const limit = instruments.gauge('nodejs_heap_limit_bytes');
  return () => {
    const memory = process.memoryUsage();
    resident.set(memory.rss);
    heapTotal.set(memory.heapTotal);
    heapUsed.set(memory.heapUsed);
    external.set(memory.external);
    limit.set(getHeapStatistics().heap_size_limit);
  };
}

function heapSpaceCollector(instruments: Instruments) {
  const total = instruments.gauge('nodejs_heap_space_size_total_bytes');
  const used = instruments.gauge('nodejs_heap_space_size_used_bytes');
  const available = instruments.gauge('nodejs_heap_space_size_available_bytes');
  return () => {
    for (const statistics of getHeapSpaceStatistics()) {
      const space = statistics.space_name.replace(/_space$/, '');
      total.set({ space }, statistics.space_size);
      used.set({ space }, statistics.space_used_size);
      available.set({ space }, statistics.space_available_size);
    }
  };
}

/** Linux tells these in /proc; elsewhere they are absent. */
function descriptorCollector(instruments: Instruments) {
  const virtual = instruments.gauge('process_virtual_memory_bytes');
  const data = instruments.gauge('process_heap_bytes');
  const open = instruments.gauge('process_open_fds');
  const max = instruments.gauge('process_max_fds');
  for (const gauge of [virtual, data, open, max]) {
    gauge.remove({});
  }
  return () => {
    const status = readFileSync('/proc/self/status', 'utf8');
    setIfFound(virtual, /^VmSize:\s+(\d+) kB$/m.exec(status), 1024);
    setIfFound(data, /^VmData:\s+(\d+) kB$/m.exec(status), 1024);
    setIfFound(max, /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')), 1);
    // One of them was the directory itself, being read.
    open.set(readdirSync('/proc/self/fd').length - 1);
  };
}

function setIfFound(
  gauge: { set(value: number): void },
  found: RegExpExecArray | null,
  factor: number,
): void {
  if (found !== null) {
    gauge.set(Number(found[1]) * factor);
  }
}

function activityCollector(instruments: Instruments) {
  const resources = instruments.gauge('nodejs_active_resources');
  const allResources = instruments.gauge('nodejs_active_resources_total');
  const handles = instruments.gauge('nodejs_active_handles');
  const allHandles = instruments.gauge('nodejs_active_handles_total');
  const requests = instruments.gauge('nodejs_active_requests');
  const allRequests = instruments.gauge('nodejs_active_requests_total');
  return () => {
    setByType(resources, allResources, process.getActiveResourcesInfo());
    setByType(handles, allHandles, classNames('_getActiveHandles'));
    setByType(requests, allRequests, classNames('_getActiveRequests'));
  };
}

/** Undocumented functions of `process`, as prom-client's metrics of these names use them. */
function classNames(list: '_getActiveHandles' | '_getActiveRequests'): readonly string[] {
  const read: unknown = Reflect.get(process, list);
  const found: unknown = typeof read === 'function' ? Reflect.apply(read, process, []) : [];
  return Array.isArray(found)
    ? found.map((item: object | null) => item?.constructor.name ?? 'null')
    : [];
}

function setByType(
  gauge: { reset(): void; set(labels: { type: string }, value: number): void },
  total: { set(value: number): void },
  types: readonly string[],
): void {
  gauge.reset();
  for (const [type, items] of Map.groupBy(types, (name) => name)) {
    gauge.set({ type }, items.length);
  }
  total.set(types.length);
}
