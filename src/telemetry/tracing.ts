import type { Tracer } from '@opentelemetry/api';

/** What went wrong in telling of traces; nothing else suffers from it. */
export type TracingProblem =
  | {
      readonly kind: 'export';
      /** `ECONNREFUSED`, `HTTP 400`, `timeout`, `unavailable`. */
      readonly reason: string;
      /** Spans that are lost by it. */
      readonly spans: number;
    }
  | {
      readonly kind: 'warning';
      /** Variables that OpenTelemetry does not take as they are. */
      readonly variables: readonly string[];
    };

/** The tracing of a process, which all of its services share. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Sampled spans that were lost so far. */
  droppedSpans(): number;
  /** Tells of problems, those before included; the function that it returns ends that. */
  onProblem(listener: (problem: TracingProblem) => void): () => void;
  /** Sends what is not sent yet; resolves when that is done or given up, at the deadline in milliseconds at the latest. */
  flush(deadlineMs: number): Promise<void>;
}

/** What the bootstrap has found and started for this process. */
export const processTracing: {
  /** As OpenTelemetry's variables have it; absent: the service's own name. */
  serviceName?: string;
  /** Absent: traces are off. */
  current?: Tracing;
} = {};
