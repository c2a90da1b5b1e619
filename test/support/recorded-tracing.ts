import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Tracing } from '#telemetry/tracing.ts';

/** Tracing of a test's own, that keeps its spans. pg is not instrumented. */
export function recordedTracing({ isSampling = true } = {}): Tracing & {
  readonly spans: () => readonly ReadableSpan[];
} {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: isSampling ? new AlwaysOnSampler() : new AlwaysOffSampler(),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  return {
    tracer: provider.getTracer('test'),
    droppedSpans: () => 0,
    onProblem: () => () => undefined,
    flush: () => provider.forceFlush(),
    spans: () => exporter.getFinishedSpans(),
  };
}
