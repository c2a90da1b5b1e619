import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  context,
  TraceFlags,
} from '@opentelemetry/api';
import type { Context, Span, SpanContext, Tracer } from '@opentelemetry/api';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from '@opentelemetry/semantic-conventions';

/** A caller's span, as its `traceparent` names it. */
interface Caller {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly state: string | undefined;
}

interface TracedRequest {
  readonly method: string;
  readonly httpVersion: string;
  readonly parent: Caller | undefined;
  readonly link: Caller | undefined;
  readonly socket: {
    readonly localAddress?: string | undefined;
    readonly localPort?: number | undefined;
  };
}

interface TracedEnd {
  readonly route: string;
  readonly status: number;
  readonly code: string | undefined;
}

const UNMATCHED = 'unmatched';
/** What the semantic conventions call a method outside of the closed list in the name of a span. */
const OTHER_METHOD = '_OTHER';

/**
 * Records one SERVER span a request, by the semantic conventions for HTTP. Of the URL it holds the route's template
 * only, and nothing of the caller. A request that is not sampled gets ids and costs no more than the decision.
 */
export function createServerSpans(tracer: Tracer) {
  return {
    start(request: TracedRequest) {
      const { method, parent, link } = request;
      const parentContext =
        parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent));
      const span = tracer.startSpan(nameOf(method), { kind: SpanKind.SERVER }, parentContext);
      const { traceId, spanId, traceFlags } = span.spanContext();
      if ((traceFlags & TraceFlags.SAMPLED) === 0) {
        return { traceId, spanId, isSampled: false, run: runAsIs, end: doNothing };
      }
      if (link !== undefined) {
        span.addLink({ context: contextOf(link) });
      }
      describe(span, request);
      const active = trace.setSpan(ROOT_CONTEXT, span);
      return {
        traceId,
        spanId,
        isSampled: true,
        run: (work: () => void) => runIn(active, work),
        end: (end: TracedEnd) => endSpan(span, method, end),
      };
    },
  };
}

function contextOf({ traceId, spanId, isSampled, state }: Caller): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  };
}

function nameOf(method: string): string {
  return method === OTHER_METHOD ? 'HTTP' : method;
}

/** Now: the address is gone with the socket of a client that goes away. */
function describe(span: Span, { method, httpVersion, socket }: TracedRequest): void {
  span.setAttribute(ATTR_HTTP_REQUEST_METHOD, method);
  span.setAttribute(ATTR_NETWORK_PROTOCOL_VERSION, httpVersion);
  if (socket.localAddress !== undefined && socket.localPort !== undefined) {
    span.setAttribute(ATTR_SERVER_ADDRESS, socket.localAddress);
    span.setAttribute(ATTR_SERVER_PORT, socket.localPort);
  }
}

function endSpan(span: Span, method: string, { route, status, code }: TracedEnd): void {
  if (route !== UNMATCHED) {
    span.updateName(`${nameOf(method)} ${route}`);
    span.setAttribute(ATTR_HTTP_ROUTE, route);
  }
  span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, status);
  if (status >= 500) {
    span.setAttribute(ATTR_ERROR_TYPE, code ?? String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

function runAsIs(work: () => void): void {
  work();
}

function runIn(active: Context, work: () => void): void {
  context.with(active, work);
}

function doNothing(): void {}
