/** A caller's span, as the headers of W3C Trace Context name it. */
export interface Traceparent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  /** The header `tracestate` as it came. */
  readonly state: string | undefined;
}

// Version 00 has no more fields, later ones may add some behind a dash; ff is no version.
const HEADER =
  /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2}(?=.{53}(?:-|$)))-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})/;

/** The span that `traceparent` names; undefined when there is none or when it is malformed. */
export function parseTraceparent(
  header: string | undefined,
  state?: string,
): Traceparent | undefined {
  const [, traceId, spanId, flags = ''] = HEADER.exec(header ?? '') ?? [];
  return traceId === undefined || spanId === undefined
    ? undefined
    : { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1, state };
}
