import { ROOT_CONTEXT, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { Context, Tracer } from '@opentelemetry/api';
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions';
import type { AcquireOutcome, DatabaseObserver } from '#database/database-observer.ts';
import type { WorkScope } from '#database/work-scope.ts';

/** A wait that is shorter in milliseconds is not worth a span. */
const WORTH_A_SPAN_MS = 1;

const FAILED: ReadonlySet<AcquireOutcome> = new Set(['timeout', 'refused', 'error']);

/** The context whose spans are children of the work's own; undefined when the work is not recorded. */
export function contextOfWork(scope: WorkScope | undefined): Context | undefined {
  return scope?.isSampled === true && scope.spanId !== undefined
    ? trace.setSpanContext(ROOT_CONTEXT, {
        traceId: scope.traceId,
        spanId: scope.spanId,
        traceFlags: TraceFlags.SAMPLED,
      })
    : undefined;
}

/** Records a span `pool.acquire` for whoever waited for a connection, in its own trace. */
export function createAcquireSpans(tracer: Tracer): DatabaseObserver {
  return {
    acquireEnded({ pool, scope, outcome, waitedMs }) {
      const parent = waitedMs > WORTH_A_SPAN_MS ? contextOfWork(scope) : undefined;
      if (parent === undefined) {
        return;
      }
      const now = performance.now();
      const span = tracer.startSpan(
        'pool.acquire',
        {
          startTime: now - waitedMs,
          attributes: {
            'db.client.connection.pool.name': pool,
            'tidegauge.pool.outcome': outcome,
            'tidegauge.pool.wait_ms': Math.round(waitedMs * 1000) / 1000,
          },
        },
        parent,
      );
      if (FAILED.has(outcome)) {
        span.setAttribute(ATTR_ERROR_TYPE, outcome);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end(now);
    },
  };
}
