import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { outputOfService } from './canary/service-output.ts';
import type { ServiceOutput } from './canary/service-output.ts';
import { until } from './until.ts';
import { TRACE_PROTO } from './trace-proto.ts';

type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span as it arrived. Ids are hexadecimal, times nanoseconds. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: number; readonly message: string };
  readonly scope: string;
  readonly resource: Attributes;
}

/** What the receiver does with an export: takes it, refuses it with a status, or never answers. */
export type Answer = 200 | 400 | 500 | 503 | 'never';

interface RawValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
}
interface RawAttribute {
  readonly key: string;
  readonly value: RawValue;
}
interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: RawAttribute[];
  readonly events: { readonly name: string; readonly attributes: RawAttribute[] }[];
  readonly links: { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string } | null;
}
interface RawRequest {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: RawAttribute[] };
    readonly scopeSpans: { readonly scope: { readonly name: string }; readonly spans: RawSpan[] }[];
  }[];
}

const request = protobuf.parse(TRACE_PROTO).root.lookupType('otlp.ExportTraceServiceRequest');

/** A collector of traces over http/protobuf on a free loopback port. */
export class OtlpReceiver implements AsyncDisposable {
  answer: Answer = 200;
  /** Exports that have arrived, taken or not. */
  exports = 0;
  readonly spans: ReceivedSpan[] = [];
  /** Everything that was sent, as it was. */
  readonly bodies: Buffer[] = [];
  /** What was sent that is no traces. */
  readonly others: Buffer[] = [];
  #output: ServiceOutput | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((incoming, response) => void this.#receive(incoming, response));
  }

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  /** Resolves to the spans of a trace once one of them is of kind SERVER, which ends last. */
  async trace(traceId: string): Promise<readonly ReceivedSpan[]> {
    await until(`the server span of ${traceId} arrives`, () =>
      this.spans.find((span) => span.traceId === traceId && span.kind === 2),
    );
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /** Closes every connection: from now on exports are refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) {
      const closed = once(this.#server, 'close');
      this.#server.close();
      this.#server.closeAllConnections();
      await closed;
    }
  }

  async #receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await buffer(incoming);
    if (incoming.url !== '/v1/traces') {
      this.others.push(sent);
      response.writeHead(200).end();
      return;
    }
    this.exports += 1;
    const { answer } = this;
    if (answer === 'never') {
      return;
    }
    if (answer === 200) {
      const body = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      this.#output ??= outputOfService();
      this.#output?.write('spans', body.toString('latin1'));
      this.bodies.push(body);
      this.spans.push(...decode(body));
    }
    response.writeHead(answer, { 'Content-Type': 'application/x-protobuf' }).end();
  }
}

function decode(body: Buffer): ReceivedSpan[] {
  const message = request.toObject(request.decode(body), {
    longs: String,
    bytes: Array,
    arrays: true,
    defaults: true,
  }) as RawRequest;
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId),
        name: span.name,
        kind: span.kind,
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        attributes: plain(span.attributes),
        events: span.events.map(({ name, attributes }) => ({
          name,
          attributes: plain(attributes),
        })),
        links: span.links.map(({ traceId, spanId }) => ({
          traceId: hex(traceId),
          spanId: hex(spanId),
        })),
        status: { code: span.status?.code ?? 0, message: span.status?.message ?? '' },
        scope: scope.name,
        resource: plain(resource.attributes),
      })),
    ),
  );
}

function hex(bytes: ArrayLike<number> | string): string {
  return Buffer.from(bytes as Uint8Array).toString('hex');
}

function plain(attributes: readonly RawAttribute[]): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ??
        value.boolValue ??
        value.doubleValue ??
        (value.intValue === undefined ? '' : Number(value.intValue)),
    ]),
  );
}
