import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { timeseries } from './curve-panels.ts';
import { logCurves, logLines, traceTable } from './panels.ts';
import { dashboard } from './dashboard.ts';
import { COLOURS, quantileColours } from './colours.ts';
import { notAbove } from './limits.ts';
import { quantile } from './promql.ts';
import { curve, logs, traces } from './targets.ts';

/** The service is called in logs and traces what its job is called in Prometheus. */
const LINES = '{service_name=~"$job"} | json';
const SEVERE = `${LINES} | level=~"warn|error|fatal"`;

/** From a moment to the requests in it: lines, traces, and what led there. */
export function logsTracesDashboard(): Dashboard {
  return dashboard('logs-traces', {
    title: 'Logs and traces',
    description:
      'From a moment to the requests in it: lines, slow traces, and the curve that led there.',
    rows: [
      {
        id: 1,
        title: 'When',
        panels: [
          logCurves({
            id: 2,
            title: 'Warnings and errors',
            unit: 'short',
            width: 12,
            targets: [logs(`sum by (level) (count_over_time(${SEVERE} [$__auto]))`, '{{level}}')],
            shows: 'Lines that say warn, error or fatal.',
            bad: 'error and fatal: somebody should get up. Warn is odd, but healed.',
            next: 'the lines of that time, below.',
          }),
          timeseries({
            id: 3,
            title: 'Duration with examples',
            unit: 's',
            colours: quantileColours(COLOURS.http),
            width: 12,
            limits: notAbove(0.5),
            targets: [0.5, 0.99].map((q) =>
              curve(quantile(q, 'http_server_request_duration_seconds'), `p${q * 100}`),
            ),
            shows: 'Duration of requests; each dot is one that was traced.',
            bad: 'above 500 ms.',
            next: 'a dot leads to its trace, and the trace to its lines.',
          }),
        ],
      },
      {
        id: 10,
        title: 'What',
        panels: [
          traceTable({
            id: 11,
            title: 'Traces slower than 500 ms',
            unit: 'ms',
            width: 24,
            targets: [traces('{resource.service.name=~"$job" && duration>500ms}')],
            shows: 'Requests that missed the objective, and were traced.',
            bad: 'many of one route.',
            next: 'in the trace: pool.acquire is the wait, the other children are queries.',
            to: 'queries',
          }),
          logLines({
            id: 12,
            title: 'Lines',
            width: 24,
            targets: [logs(LINES)],
            shows: 'What the service said; events are listed in docs/logs.md.',
            bad: 'see the level.',
            next: 'trace_id in the details of a line leads to its trace.',
          }),
        ],
      },
    ],
  });
}
