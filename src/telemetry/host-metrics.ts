import type { HostReport } from '#database/server/host-figures.ts';
import type { Instruments } from './instruments.ts';

/** Resolves to what is known of the server's CPU and memory; to undefined while there is none to ask. */
export type HostFiguresSource = () => Promise<HostReport | undefined>;

/** Metrics of what the server uses of its host: those without a value are absent. */
export function createHostMetrics(instruments: Instruments): {
  show(report: HostReport | undefined): void;
} {
  const info = instruments.gauge('pg_host_info');
  const available = instruments.gauge('pg_host_stats_available');
  const cpuSeconds = instruments.counter('pg_host_cpu_seconds_total');
  const memoryBytes = instruments.gauge('pg_host_memory_bytes');
  const cpuCores = instruments.gauge('pg_host_cpu_cores');
  const memoryLimitBytes = instruments.gauge('pg_host_memory_limit_bytes');
  return {
    show(report) {
      info.reset();
      if (report !== undefined) {
        info.set({ source: report.use?.source ?? 'none', fault: report.fault ?? 'none' }, 1);
      }
      const values = [
        [available, report && Number(report.use !== undefined)],
        [cpuSeconds, report?.use?.cpuSeconds],
        [memoryBytes, report?.use?.memoryBytes],
        [cpuCores, report?.use?.cpuCores],
        [memoryLimitBytes, report?.use?.memoryLimitBytes],
      ] as const;
      for (const [sample, value] of values) {
        // A counter is the server's total, as it is.
        sample.remove({});
        if (value !== undefined) sample.inc(value);
      }
    },
  };
}
