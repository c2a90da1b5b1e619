import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { timeseries } from './curve-panels.ts';
import { stat } from './stat-panel.ts';
import { dashboard } from './dashboard.ts';
import { COLOURS, USUAL } from './colours.ts';
import { NO_LIMITS, notAbove } from './limits.ts';
import { changes, gauge, rate } from './promql.ts';
import { curve, figure } from './targets.ts';

const BY_INSTANCE = '{{instance}}';

/** Whether the process itself is the bottleneck: its event loop, its memory, its CPU. */
export function nodeDashboard(): Dashboard {
  return dashboard('node', {
    title: 'Node process',
    description:
      'Whether the process itself is the bottleneck: its event loop, its memory, its CPU.',
    rows: [
      {
        id: 1,
        title: 'What runs',
        panels: [
          stat({
            id: 2,
            title: 'Build',
            unit: 'none',
            width: 12,
            limits: NO_LIMITS,
            text: 'name',
            targets: [
              figure(
                gauge('tidegauge_build_info').max(
                  'version',
                  'commit',
                  'node_version',
                  'postgres_version',
                ),
                '{{version}} ({{commit}}) · Node {{node_version}} · PostgreSQL {{postgres_version}}',
              ),
            ],
            shows: 'What runs; one name for each build that does.',
            bad: 'two for longer than a deploy takes.',
            next: 'the annotations: when did which one start.',
          }),
          stat({
            id: 3,
            title: 'Restarts',
            unit: 'short',
            width: 6,
            limits: notAbove(1, 3),
            targets: [figure(changes('process_start_time_seconds').sum(), 'restarts')],
            shows: 'Starts of a process in the time shown, beside the first of each instance.',
            bad: 'more than deploys: it crashes or is killed.',
            next: 'heap against its limit; the last lines before the start.',
            to: 'logs-traces',
          }),
          stat({
            id: 4,
            title: 'Running since',
            unit: 'dateTimeFromNow',
            width: 6,
            limits: NO_LIMITS,
            targets: [figure(gauge('process_start_time_seconds').max().times(1000), 'youngest')],
            shows: 'When the youngest process started.',
            bad: 'a few minutes ago, without a deploy.',
            next: 'restarts beside it.',
          }),
        ],
      },
      {
        id: 10,
        title: 'Event loop',
        panels: [
          timeseries({
            id: 11,
            title: 'Delay p50, p99, max',
            unit: 's',
            width: 12,
            colours: {
              'p50, worst instance': USUAL,
              'max, worst instance': `super-light-${COLOURS.eventLoop}`,
            },
            limits: notAbove(0.2, 1),
            targets: [
              curve(gauge('nodejs_eventloop_lag_p50_seconds').max(), 'p50, worst instance'),
              curve(
                gauge('nodejs_eventloop_lag_p99_seconds').max('instance'),
                `p99 of ${BY_INSTANCE}`,
              ),
              curve(gauge('nodejs_eventloop_lag_max_seconds').max(), 'max, worst instance'),
            ],
            shows: 'How late the event loop was between two scrapes.',
            bad: 'p99 above 200 ms: every request waits that long, whatever the database does.',
            next: 'utilisation and GC beside it; a large answer or a large list blocks it.',
          }),
          timeseries({
            id: 12,
            title: 'Utilisation',
            unit: 'percentunit',
            width: 12,
            limits: notAbove(0.7, 0.9),
            targets: [curve(gauge('nodejs_eventloop_utilization').max('instance'), BY_INSTANCE)],
            shows: 'Share of the time in which the event loop was busy.',
            bad: 'above 90 %: one process has no more to give.',
            next: 'requests by route; more instances.',
            to: 'overview',
          }),
        ],
      },
      {
        id: 20,
        title: 'Memory',
        panels: [
          timeseries({
            id: 21,
            title: 'Heap against its limit',
            unit: 'percentunit',
            width: 8,
            limits: notAbove(0.8, 0.9),
            targets: [
              curve(
                gauge('nodejs_heap_size_used_bytes')
                  .max('instance')
                  .over(gauge('nodejs_heap_limit_bytes').max('instance')),
                BY_INSTANCE,
              ),
            ],
            shows: 'JavaScript heap in use, as a part of what the process may have.',
            bad: 'above 90 %: it collects garbage all the time, then it ends.',
            next: 'GC share below; does it fall again after traffic.',
          }),
          timeseries({
            id: 22,
            title: 'Heap',
            line: 'limit',
            unit: 'bytes',
            width: 8,
            targets: [
              curve(gauge('nodejs_heap_size_used_bytes').max('instance'), `used by ${BY_INSTANCE}`),
              curve(gauge('nodejs_heap_limit_bytes').min(), 'limit'),
            ],
            shows: 'JavaScript heap in use, and its limit.',
            bad: 'a floor that rises from hour to hour: a leak.',
            next: 'memory of the whole process beside it.',
          }),
          timeseries({
            id: 23,
            title: 'Resident memory',
            unit: 'bytes',
            width: 8,
            targets: [curve(gauge('process_resident_memory_bytes').max('instance'), BY_INSTANCE)],
            shows: 'Memory of the process as the system counts it.',
            bad: 'near the limit of the container: it will be killed.',
            next: 'when the heap is flat, buffers grow: large bodies or answers.',
          }),
        ],
      },
      {
        id: 30,
        title: 'CPU and handles',
        panels: [
          timeseries({
            id: 31,
            title: 'CPU',
            unit: 'percentunit',
            width: 8,
            limits: notAbove(0.8, 1),
            targets: [curve(rate('process_cpu_seconds_total').max('instance'), BY_INSTANCE)],
            shows: 'CPU seconds per second, all threads; JavaScript alone has one core.',
            bad: 'near 100 % while the event loop is late.',
            next: 'GC beside it; requests by route.',
            to: 'overview',
          }),
          timeseries({
            id: 32,
            title: 'Garbage collection',
            unit: 'percentunit',
            width: 8,
            limits: notAbove(0.1),
            targets: [curve(rate('nodejs_gc_duration_seconds_sum').sum('kind'), '{{kind}}')],
            shows:
              'Share of the time in pauses for garbage collection, by kind, all instances together.',
            bad: 'above 10 %; major that grows means a heap that is full.',
            next: 'heap against its limit.',
          }),
          timeseries({
            id: 33,
            title: 'Handles and descriptors',
            unit: 'short',
            width: 8,
            targets: [
              curve(gauge('nodejs_active_handles').sum('type'), '{{type}}'),
              curve(gauge('process_open_fds').max(), 'descriptors, worst instance'),
            ],
            shows: 'What keeps the event loop alive, by type, and open file descriptors.',
            bad: 'sockets that grow while traffic is flat.',
            next: 'connections of the pool, then clients that do not close.',
            to: 'pool',
          }),
        ],
      },
    ],
  });
}
