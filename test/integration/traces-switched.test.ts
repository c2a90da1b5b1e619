import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '#test/support/databases.ts';
import { OtlpReceiver } from '#test/support/otlp-receiver.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const CALLER = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) };
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`;

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(async () => {
  await database.drop();
});

const start = (receiver: OtlpReceiver, env: Record<string, string>) =>
  ServiceProcess.start({
    env: {
      DATABASE_URL: database.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      ...env,
    },
  });

/** Runs a module behind the bootstrap; resolves to what it has written. */
async function run(code: string, env: Record<string, string>): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', './src/telemetry/bootstrap.ts', '--input-type=module', '--eval', code],
    { env: { PATH: process.env['PATH'], ...env } },
  );
  return stdout;
}

describe('traces', () => {
  it.each([
    ['no exporter is named', {}, false],
    ['an endpoint is named', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, true],
    ['the console is named', { OTEL_TRACES_EXPORTER: 'console' }, true],
    [
      'OpenTelemetry is disabled',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' },
      false,
    ],
  ])('patch pg, or load and patch nothing, when %s', async (_case, env, isOn) => {
    const stdout = await run(
      `import pg from 'pg';
       import { createRequire } from 'node:module';
       const isLoaded = Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('require-in-the-middle'));
       console.log(JSON.stringify({ isPatched: '__wrapped' in pg.Client.prototype.query, isLoaded }));
       process.exit(0);`,
      env,
    );

    expect(JSON.parse(stdout)).toEqual({ isPatched: isOn, isLoaded: isOn });
  });

  it('of a tenth of the requests are recorded with that ratio, the others not at all', async () => {
    await using receiver = await OtlpReceiver.start();
    await using service = await start(receiver, {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
    });
    await service.logged('service.ready');
    const ids = new Set<string | null>();
    for (const _turn of Array(20).keys()) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => fetch(`${service.url}/users?limit=1`)),
      );
      for (const { headers } of answers) ids.add(headers.get('x-trace-id'));
    }
    await service.stop();

    const recorded = new Set(receiver.spans.map(({ traceId }) => traceId));
    const servers = receiver.spans.filter(({ kind }) => kind === 2);
    expect(ids.size).toBe(400);
    expect(servers.length).toBeGreaterThan(10);
    expect(servers.length).toBeLessThan(100);
    expect(recorded.size).toBe(servers.length);
    expect([...recorded].filter((id) => !ids.has(id))).toEqual([]);
  });

  it('are joined to that of a caller who is trusted, sampled or not', async () => {
    await using receiver = await OtlpReceiver.start();
    await using service = await start(receiver, { TRUST_TRACE_HEADERS: 'true' });
    const ask = (traceparent: string) =>
      fetch(`${service.url}/livez`, { headers: { traceparent, tracestate: 'a=b' } });

    const joined = await ask(TRACEPARENT);
    const unsampled = await ask(TRACEPARENT.replace(/01$/, '00').replaceAll('c', 'e'));
    const malformed = await ask(TRACEPARENT.toUpperCase());

    const [server] = await receiver.trace(CALLER.traceId);
    await service.stop();
    expect(joined.headers.get('x-trace-id')).toBe(CALLER.traceId);
    expect(server).toMatchObject({ parentSpanId: CALLER.spanId, links: [] });
    expect(Buffer.concat(receiver.bodies).includes('a=b')).toBe(true);
    expect(unsampled.headers.get('x-trace-id')).toBe('e'.repeat(32));
    expect(receiver.spans.filter(({ traceId }) => traceId === 'e'.repeat(32))).toEqual([]);
    expect(malformed.headers.get('x-trace-id')).not.toBe(CALLER.traceId);
  });

  it('are sent before the process ends, under the name that the log has, too', async () => {
    await using receiver = await OtlpReceiver.start();
    await using service = await start(receiver, {
      OTEL_BSP_SCHEDULE_DELAY: '600000',
      OTEL_SERVICE_NAME: 'mine',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=here',
    });
    const answer = await fetch(`${service.url}/livez`);
    const before = receiver.exports;

    const code = await service.stop();

    expect(before).toBe(0);
    expect(code).toBe(0);
    expect(receiver.spans.map(({ traceId }) => traceId)).toContain(
      answer.headers.get('x-trace-id'),
    );
    expect(receiver.spans[0]?.resource).toMatchObject({
      'service.name': 'mine',
      'deployment.environment.name': 'here',
    });
    expect(new Set(service.logs.map((line) => line['service']))).toEqual(new Set(['mine']));
  });

  it('are sent before the process ends in however many exports', async () => {
    await using receiver = await OtlpReceiver.start();
    receiver.answer = 'never';
    await using service = await start(receiver, {
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
    });
    await fetch(`${service.url}/livez`);
    await until('an export is under way', () => (receiver.exports === 1 ? true : undefined));
    receiver.answer = 200;
    await Promise.all(Array.from({ length: 50 }, () => fetch(`${service.url}/livez`)));

    await service.stop();

    expect(receiver.spans).toHaveLength(50);
  });

  it('come without the metrics of the instrumentation, even where metrics are pushed', async () => {
    await using receiver = await OtlpReceiver.start();
    await run(
      `import pg from 'pg';
       import { setTimeout } from 'node:timers/promises';
       import { context, metrics, trace } from '@opentelemetry/api';
       const client = new pg.Client(${JSON.stringify(database.url)});
       await client.connect();
       metrics.getMeter('control').createCounter('control.statements').add(1);
       const tracer = trace.getTracer('control');
       const span = tracer.startSpan('control');
       await context.with(trace.setSpan(context.active(), span), () => client.query('select 1'));
       span.end();
       await client.end();
       await setTimeout(500);
       process.exit(0);`,
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_BSP_SCHEDULE_DELAY: '20',
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_METRIC_EXPORT_INTERVAL: '50',
        OTEL_METRIC_EXPORT_TIMEOUT: '50',
      },
    );

    const pushed = Buffer.concat(receiver.others).toString('latin1');
    expect(receiver.spans.map(({ name }) => name)).toContain('SELECT');
    expect(pushed).toContain('control.statements');
    expect(pushed).not.toContain('db.client');
  });

  it('go on with what OpenTelemetry does not understand, which is said once, without its value', async () => {
    await using receiver = await OtlpReceiver.start();
    await using service = await start(receiver, {
      OTEL_BSP_MAX_QUEUE_SIZE: 'm4ny',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: 's0mething',
      OTEL_EXPORTER_OTLP_HEADERS: 's3cret',
      OTEL_METRICS_EXPORTER: 's0mewhere',
      OTEL_LOG_LEVEL: 'debug',
    });
    await fetch(`${service.url}/livez`);
    await service.stop();

    const warned = service.logs
      .filter(({ event }) => event === 'otel.warning')
      .flatMap(({ variables }) => variables)
      .map(String);
    expect(warned.toSorted()).toEqual([
      'OTEL_BSP_MAX_QUEUE_SIZE',
      'OTEL_METRICS_EXPORTER',
      'OTEL_TRACES_SAMPLER_ARG',
    ]);
    expect(service.output).not.toMatch(/m4ny|s0me|s3cr/);
    expect(service.logs.filter((line) => 'unstructured' in line)).toEqual([]);
    expect(receiver.spans).not.toEqual([]);
  });
});

describe('a statement at the server', () => {
  it.each([
    ['leads back to the trace of its request', 'true', true],
    ['has nothing of its request unless that is wanted', 'false', false],
  ])('%s', async (_case, wanted, isCommented) => {
    await using receiver = await OtlpReceiver.start();
    await using service = await start(receiver, { DB_SQL_COMMENTER: wanted });
    await service.logged('service.ready');

    const { seen, answer } = await withClient(database.address, async (client) => {
      await client.query('begin; lock table users in access exclusive mode');
      const asking = fetch(`${service.url}/users?limit=7`);
      const found = await until('the request waits for the lock', async () => {
        const rows = await database.query<{ query: string }>(
          `select query from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return rows.at(0)?.query;
      });
      await client.query('commit');
      return { seen: found, answer: await asking };
    });
    const spans = await receiver.trace(answer.headers.get('x-trace-id') ?? '');
    const server = spans.find(({ kind }) => kind === 2);
    const query = spans.find(({ name }) => name === 'SELECT users');

    expect(seen.includes('/*')).toBe(isCommented);
    expect(
      seen.endsWith(
        `/*route='%2Fusers',traceparent='00-${server?.traceId}-${server?.spanId}-01'*/`,
      ),
    ).toBe(isCommented);
    expect(query?.attributes['db.query.text']).not.toContain('/*');
    expect(query?.attributes['db.query.summary']).toBe('SELECT users');
  });
});
