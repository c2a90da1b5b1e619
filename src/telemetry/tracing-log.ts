import type { Logger } from './logger.ts';
import { repeatLimit } from './repeat-limit.ts';
import type { TracingProblem } from './tracing.ts';

/** As long as a collector is away, one line says it, until this has passed. */
const REPEAT_AFTER_MS = 30_000;

/** Spans are sent for all requests: whichever of them started the timer has nothing to do with it. */
const OF_NO_REQUEST = { request_id: undefined, trace_id: undefined, span_id: undefined };

/** Logs what goes wrong in telling of traces. `now` gives milliseconds of any steady clock. */
export function createTracingLog(
  logger: Logger,
  now: () => number = () => performance.now(),
): (problem: TracingProblem) => void {
  const limited = repeatLimit(REPEAT_AFTER_MS, now);
  return (problem) => {
    if (problem.kind === 'export') {
      const { reason, spans } = problem;
      limited('export', (suppressed) =>
        logger.warn(
          { ...OF_NO_REQUEST, event: 'otel.export.failed', reason, spans, suppressed },
          'spans could not be delivered',
        ),
      );
    } else {
      logger.warn(
        { ...OF_NO_REQUEST, event: 'otel.warning', variables: problem.variables },
        'OpenTelemetry does not take a variable as it is',
      );
    }
  };
}
