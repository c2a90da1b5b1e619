import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Figures } from '#test/support/chaos/figures.ts';
import type { Load } from '#test/support/chaos/load.ts';
import { withClient } from '#test/support/databases.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { OtlpReceiver } from '#test/support/otlp-receiver.ts';
import type { ReceivedSpan } from '#test/support/otlp-receiver.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { LOAD_ENV, ScriptedLoad } from '#test/support/system/scripted-load.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const SERVICE = fileURLToPath(new URL('../support/system/test-service.ts', import.meta.url));
const SLOW_MS = 700;
const [SERVER, CLIENT] = [2, 3];

const figures = new Figures('one request', 1);

let database: TestDatabase;
let receiver: OtlpReceiver;
let service: ServiceProcess;
let load: Load;

beforeAll(async () => {
  database = await TestDatabase.create();
  receiver = await OtlpReceiver.start();
  service = await ServiceProcess.start({
    entry: SERVICE,
    env: {
      ...LOAD_ENV,
      DATABASE_URL: database.url,
      DB_SQL_COMMENTER: 'true',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
    },
  });
  await service.logged('service.ready');
  const script = new ScriptedLoad(service.url);
  await script.everyday();
  load = script.saturate();
});

afterAll(async () => {
  await load.stop();
  await service.stop();
  await receiver[Symbol.asyncDispose]();
  await database.drop();
});

/** What the server shows of a statement that runs now and leads back to a trace. */
async function statementAtServer(): Promise<string> {
  return await withClient(database.address, (client) =>
    until('the server shows the statement', async () => {
      const { rows } = await client.query<{ query: string }>(
        `select query from pg_stat_activity
         where application_name = 'tidegauge/main' and state = 'active' and query like 'select pg_sleep%'`,
      );
      return rows[0]?.query;
    }),
  );
}

/** Metrics whose exemplars lead to a trace. */
async function metricsLeadingTo(traceId: string): Promise<string[]> {
  const accept = 'application/openmetrics-text';
  const response = await fetch(`${service.url}/metrics`, { headers: { accept } });
  return parseExposition(await response.text(), 'openmetrics').flatMap(({ name, samples }) =>
    samples.some(({ exemplar }) => exemplar?.labels['trace_id'] === traceId) ? [name] : [],
  );
}

function spanNamed(spans: readonly ReceivedSpan[], name: string): ReceivedSpan | undefined {
  return spans.find((span) => span.name === name);
}

describe('one request under load', () => {
  afterAll(figures.publish);

  it('has the same trace id in its answer, exemplars, spans, log lines and statement at the server', async () => {
    const asked = fetch(`${service.url}/test/slow/${SLOW_MS}`);
    const statement = await statementAtServer();
    const response = await asked;
    const traceId = response.headers.get('x-trace-id') ?? '';

    const spans = await receiver.trace(traceId);
    const metrics = await metricsLeadingTo(traceId);
    const lines = await until('its line is logged', () => {
      const found = service.logs.filter(({ trace_id: id }) => id === traceId);
      return found.some(({ event }) => event === 'http.request') ? found : undefined;
    });

    const server = spans.find(({ kind }) => kind === SERVER);
    const acquire = spanNamed(spans, 'pool.acquire');
    const query = spans.find(({ kind }) => kind === CLIENT);
    const [, commentTrace, commentSpan] =
      /traceparent='00-([0-9a-f]{32})-([0-9a-f]{16})-01'/.exec(statement) ?? [];
    const events = lines.map(({ event }) => String(event));
    for (const span of spans) {
      const parent = span.parentSpanId === '' ? 'none' : span.parentSpanId;
      figures.note(`span ${span.name}`, `${span.traceId}, span ${span.spanId}, parent ${parent}`);
    }
    for (const name of metrics) figures.note(`exemplar of ${name}`, traceId);
    for (const line of lines) figures.note(`log line ${String(line['event'])}`, line['trace_id']);
    figures.note('comment in pg_stat_activity', `${commentTrace}, span ${commentSpan}`);
    figures.note('X-Trace-Id of the answer', traceId);

    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect({ name: server?.name, parent: server?.parentSpanId }).toEqual({
      name: 'GET /test/slow/:amount',
      parent: '',
    });
    expect(acquire?.parentSpanId).toBe(server?.spanId);
    expect({ name: query?.name, parent: query?.parentSpanId }).toEqual({
      name: 'SELECT users',
      parent: server?.spanId,
    });
    expect(spans).toHaveLength(3);
    expect(metrics).toEqual(
      expect.arrayContaining([
        'http_server_request_duration_seconds',
        'db_client_operation_duration_seconds',
        'db_client_connection_use_time_seconds',
      ]),
    );
    expect(events).toEqual(expect.arrayContaining(['http.request', 'db.query.slow']));
    expect(lines.map(({ span_id: id }) => id)).toContain(server?.spanId);
    expect(commentTrace).toBe(traceId);
    expect(commentSpan).toBe(server?.spanId);
    expect(decodeURIComponent(statement)).toContain("route='/test/slow/:amount'");
  });
});
