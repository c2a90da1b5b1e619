import {
  byteSize,
  integer,
  milliseconds,
  origins,
  toggle,
  withDefault,
  withoutDefault,
} from './setting-kind.ts';

/** Bounds of the API's listener, and whom it trusts. */
export const httpVariables = {
  HTTP_REQUEST_TIMEOUT_MS: withDefault(
    milliseconds(),
    10_000,
    'deadline of a handler; of a streamed answer, for its beginning, and then for each part of it to be taken',
  ),
  HTTP_STREAM_TIMEOUT_MS: withDefault(
    milliseconds(),
    300_000,
    'deadline of a whole streamed answer, such as a report, and of its statement',
  ),
  HTTP_BODY_LIMIT: withDefault(byteSize, 102_400, 'largest body of a request', '100kb'),
  HTTP_HEADERS_TIMEOUT_MS: withDefault(
    milliseconds(),
    10_000,
    'deadline for the head of a request to arrive',
  ),
  HTTP_RECEIVE_TIMEOUT_MS: withDefault(
    milliseconds(),
    30_000,
    'deadline for a whole request to arrive',
  ),
  HTTP_KEEP_ALIVE_MS: withDefault(
    milliseconds(),
    65_000,
    'idle connections are closed after this; keep it above that of the load balancer',
  ),
  HTTP_MAX_CONNECTIONS: withDefault(
    integer(1, 1_000_000),
    10_000,
    'open connections; further ones are dropped',
  ),
  HTTP_MAX_IN_FLIGHT: withDefault(
    integer(1, 1_000_000),
    1000,
    'requests at once; further ones get 503 `OVERLOADED`',
  ),
  TRUST_PROXY: withDefault(
    toggle,
    false,
    'believe `X-Forwarded-*`; only behind a proxy that sets them',
  ),
  TRUST_TRACE_HEADERS: withDefault(
    toggle,
    false,
    'let `traceparent` of a caller decide which trace a request belongs to; only behind callers of your own. `false`: the trace links to it',
  ),
  CORS_ORIGINS: withoutDefault(
    origins,
    'none',
    'origins whose pages may call the API from a browser',
  ),
};
