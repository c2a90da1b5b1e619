import { OtlpReceiver } from '#test/support/otlp-receiver.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/until.ts';
import { KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { Load } from './load.ts';
import { Tally } from './tally.ts';

const LANES = 8;
const POOL_SIZE = LANES + 2;
const PATH = '/users?limit=1';
/** The request and its statement; each wait of more than a millisecond is one more. */
const SPANS_PER_REQUEST = 2;
/** Of a trace that is not recorded. */
const UNRECORDED = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00` };

/** What has become of the spans so far, and what the service takes. */
export interface SpanAccount {
  readonly recorded: number;
  /** Have arrived at the collector, each counted once. */
  readonly delivered: number;
  /** Counted as lost by the service. */
  readonly lost: number;
  /** Neither delivered nor lost. */
  readonly kept: number;
  readonly rssMb: number;
}

/** A service that records every request, and whose collector is behind a proxy. Disposing ends all three. */
export class TracedService implements AsyncDisposable {
  readonly proxy: TcpProxy;
  readonly answers = new Tally();
  readonly #receiver: OtlpReceiver;
  readonly #service: ServiceProcess;
  /** Before the first request. */
  #waits = 0;

  private constructor(receiver: OtlpReceiver, proxy: TcpProxy, service: ServiceProcess) {
    this.#receiver = receiver;
    this.proxy = proxy;
    this.#service = service;
  }

  /** Starts them; `env` is the exporter's. Resolves when the pool is full. */
  static async start(
    databaseUrl: string,
    env: Readonly<Record<string, string>>,
  ): Promise<TracedService> {
    const receiver = await OtlpReceiver.start();
    const { hostname, port } = new URL(receiver.url);
    const proxy = await TcpProxy.start({ host: hostname, port: Number(port) });
    const service = await ServiceProcess.start({
      env: {
        DATABASE_URL: databaseUrl,
        DB_POOL_SIZE: String(POOL_SIZE),
        TRUST_TRACE_HEADERS: 'true',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://${proxy.host}:${proxy.port}`,
        // V8 takes what it may before it collects: in a small heap, memory that grows is memory that is kept.
        NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=4',
        ...env,
      },
    });
    const traced = new TracedService(receiver, proxy, service);
    await service.logged('service.ready');
    traced.#waits = await until('every connection is open', async () => {
      const text = await traced.#metrics();
      const idle = sumOf(text, 'db_client_connection_count', 'state="idle"');
      return idle === POOL_SIZE ? waitsIn(text) : undefined;
    });
    return traced;
  }

  /** Lines of the log about exports that failed. */
  get complaints(): number {
    return this.#service.logs.filter(({ event }) => event === 'otel.export.failed').length;
  }

  /** Asks over a few connections, without a pause, for so long; resolves to the milliseconds each answer took. */
  async ask(forMs: number): Promise<number[]> {
    const durationsMs: number[] = [];
    const clients = Array.from({ length: LANES }, () => new KeepAliveClient(this.#service.url));
    const endAt = performance.now() + forMs;
    const load = new Load(LANES, async (lane) => {
      const exchange = await clients[lane]?.send('GET', PATH);
      if (exchange === undefined) return false;
      this.answers.add(nameOfExchange(exchange));
      durationsMs.push(exchange.endedAt - exchange.sentAt);
      return performance.now() < endAt;
    });
    await load.ended();
    for (const client of clients) client.close();
    return durationsMs;
  }

  /** Asks the service, without a span. Call it while no request is under way. */
  async account(): Promise<SpanAccount> {
    const text = await this.#metrics();
    const recorded = SPANS_PER_REQUEST * this.answers.count() + waitsIn(text) - this.#waits;
    const delivered = new Set(this.#receiver.spans.map(({ spanId }) => spanId)).size;
    const lost = sumOf(text, 'otel_spans_dropped_total');
    return {
      recorded,
      delivered,
      lost,
      kept: recorded - delivered - lost,
      rssMb: sumOf(text, 'process_resident_memory_bytes') / 1024 ** 2,
    };
  }

  /** Resolves when no span is kept any more, and the answer to the last export has come back. */
  async settled(): Promise<SpanAccount> {
    await until('every span is delivered or lost', async () => {
      const { kept } = await this.account();
      return kept === 0 ? true : undefined;
    });
    return await this.account();
  }

  /** Ends the service in order; resolves to its exit code. */
  async stop(): Promise<number | null> {
    return await this.#service.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.end();
    await this.proxy.close();
    await this.#receiver[Symbol.asyncDispose]();
  }

  async #metrics(): Promise<string> {
    const answer = await fetch(`${this.#service.url}/metrics`, { headers: UNRECORDED });
    return await answer.text();
  }
}

/** Waits for a connection that took more than a millisecond. */
function waitsIn(text: string): number {
  const name = 'db_client_connection_wait_time_seconds';
  return sumOf(text, `${name}_count`) - sumOf(text, `${name}_bucket`, 'le="0.001"');
}

/** The samples of this name that have the label, added up. */
function sumOf(text: string, name: string, label = ''): number {
  return [...text.matchAll(/^(\w+)(\{.*\})? (\S+)$/gm)]
    .filter(([, sample, labels = '']) => sample === name && labels.includes(label))
    .reduce((sum, [, , , value]) => sum + Number(value), 0);
}
