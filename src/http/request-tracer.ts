import type { Traceparent } from './traceparent.ts';

/** The ids that a request goes by in its answer, in logs and in traces. */
export interface TraceIds {
  /** W3C trace id, 32 hexadecimal digits. */
  readonly traceId: string;
  /** W3C span id, 16 hexadecimal digits. */
  readonly spanId: string;
  /** The trace is recorded. */
  readonly isSampled: boolean;
}

/** A request whose head has arrived. */
export interface TracedRequest {
  /** One of a closed list. */
  readonly method: string;
  readonly httpVersion: string;
  /** The caller's span, which this request is a part of. */
  readonly parent: Traceparent | undefined;
  /** The caller's span, which is not trusted: a trace of its own begins. */
  readonly link: Traceparent | undefined;
  readonly socket: {
    readonly localAddress?: string | undefined;
    readonly localPort?: number | undefined;
  };
}

/** How a request ended. */
export interface TracedEnd {
  /** Template of the route, or `unmatched`. */
  readonly route: string;
  readonly status: number;
  /** Code of the problem that was answered. */
  readonly code: string | undefined;
}

/** The trace of one request. */
export interface RequestTrace extends TraceIds {
  /** Runs what belongs to the request. */
  run(work: () => void): void;
  /** Call once, when the response is closed. */
  end(event: TracedEnd): void;
}

/** Whoever records the traces of requests. */
export interface RequestTracer {
  start(request: TracedRequest): RequestTrace;
}
