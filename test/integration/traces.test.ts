import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OtlpReceiver } from '#test/support/otlp-receiver.ts';
import type { ReceivedSpan } from '#test/support/otlp-receiver.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const CALLER = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`;

let database: TestDatabase;
let receiver: OtlpReceiver;
let service: ServiceProcess;

const tracedEnv = () => ({
  DATABASE_URL: database.url,
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_BSP_SCHEDULE_DELAY: '20',
});

beforeAll(async () => {
  database = await TestDatabase.create();
  receiver = await OtlpReceiver.start();
  service = await ServiceProcess.start({
    env: { ...tracedEnv(), DB_POOL_SIZE: '2', DB_MAX_OVERFLOW: '0', DB_QUEUE_LIMIT: '100' },
  });
  await service.logged('service.ready');
});
afterAll(async () => {
  await service.stop();
  await receiver[Symbol.asyncDispose]();
  await database.drop();
});

async function post(path: string, body: object, headers: Record<string, string> = {}) {
  return await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

async function traceOf(response: Response): Promise<readonly ReceivedSpan[]> {
  await response.text();
  return await receiver.trace(response.headers.get('x-trace-id') ?? '');
}

const serverSpan = (spans: readonly ReceivedSpan[]) => spans.find(({ kind }) => kind === 2);
const clientSpans = (spans: readonly ReceivedSpan[]) => spans.filter(({ kind }) => kind === 3);

describe('the trace of a request', () => {
  it('has a server span, named by method and route, without anything of the caller or of a row', async () => {
    const response = await post('/users?secret=1', { email: 'nobody@canary.test', name: 'Canary' });

    const server = serverSpan(await traceOf(response));
    expect(server).toMatchObject({
      name: 'POST /users',
      parentSpanId: '',
      status: { code: 0, message: '' },
      links: [],
      scope: 'tidegauge',
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/users',
        'http.response.status_code': 400,
        'network.protocol.version': '1.1',
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(service.url).port),
      },
    });
    expect(Object.keys(server?.attributes ?? {})).toHaveLength(6);
  });

  it('has a client span for each statement, a child of the server span, described without values', async () => {
    const response = await post('/users', { email: 'somebody@canary.test', name: 'Canary' });

    const spans = await traceOf(response);
    const server = serverSpan(spans);
    expect(response.status).toBe(201);
    expect(clientSpans(spans).map(({ name }) => name)).toEqual(['START', 'INSERT users', 'COMMIT']);
    expect(clientSpans(spans).map(({ parentSpanId }) => parentSpanId)).toEqual(
      Array(3).fill(server?.spanId),
    );
    const { host, port, database: name } = database.address;
    expect(clientSpans(spans).at(1)?.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'db.namespace': name,
      'db.operation.name': 'INSERT',
      'db.collection.name': 'users',
      'db.query.summary': 'INSERT users',
      'db.query.text': expect.stringMatching(/^insert into "users" .* values \(\$1, /),
      'server.address': host,
      'server.port': port,
    });
  });

  it('names a table that is not the first in the summary alone', async () => {
    const { id } = (await (
      await post('/users', { email: 'owner@canary.test', name: 'Canary' })
    ).json()) as { id: string };
    await post('/teams', { name: 'Canary', ownerId: id });
    const spans = await traceOf(await fetch(`${service.url}/teams?include=members`));

    const joined = clientSpans(spans).find(({ name }) => name === 'SELECT memberships users');
    expect(joined?.attributes).toMatchObject({
      'db.query.summary': 'SELECT memberships users',
      'db.collection.name': 'memberships',
    });
  });

  it('tells of a statement that failed by its SQLSTATE, and not what the server said', async () => {
    await post('/users', { email: 'twice@canary.test', name: 'Canary' });
    const response = await post('/users', { email: 'twice@canary.test', name: 'Canary' });

    const failed = (await traceOf(response)).filter(({ status }) => status.code === 2);
    expect(response.status).toBe(409);
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({
      name: 'INSERT users',
      status: { code: 2, message: '' },
      attributes: { 'db.response.status_code': '23505', 'error.type': '23505' },
    });
  });

  it('links to the span of a caller who is not trusted, and is a trace of its own', async () => {
    const headers = { traceparent: TRACEPARENT, tracestate: 'stranger=text-of-a-stranger' };
    const response = await fetch(`${service.url}/users`, { headers });

    const server = serverSpan(await traceOf(response));
    expect(server).toMatchObject({ parentSpanId: '', links: [CALLER] });
    expect(server?.traceId).not.toBe(CALLER.traceId);
    expect(Buffer.concat(receiver.bodies).includes('text-of-a-stranger')).toBe(false);
  });

  it('has the ids that are in the answer and in the lines of the log', async () => {
    const response = await fetch(`${service.url}/users?limit=0`);

    const server = serverSpan(await traceOf(response));
    const line = await until('its line is logged', () =>
      service.logs.find(
        ({ event, trace_id: id }) => event === 'http.request' && id === server?.traceId,
      ),
    );
    expect(line).toMatchObject({ trace_id: server?.traceId, span_id: server?.spanId });
  });

  it('has, of 50 requests at once, the statements of its own request alone, and its wait for a connection', async () => {
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => fetch(`${service.url}/teams?include=members&limit=1`)),
    );

    const traces = await Promise.all(responses.map(traceOf));
    const strangers = traces.filter((spans) =>
      spans.some(
        ({ kind, parentSpanId }) => kind !== 2 && parentSpanId !== serverSpan(spans)?.spanId,
      ),
    );
    const shapes = new Set(
      traces.map((spans) =>
        clientSpans(spans)
          .map(({ name }) => name)
          .join(),
      ),
    );
    const waits = traces.flat().filter(({ name }) => name === 'pool.acquire');
    expect(strangers).toEqual([]);
    expect([...shapes]).toEqual(['SELECT teams,SELECT memberships users']);
    expect(waits.length).toBeGreaterThan(20);
    expect(waits.at(-1)?.attributes).toEqual({
      'db.client.connection.pool.name': 'main',
      'tidegauge.pool.outcome': 'queued',
      'tidegauge.pool.wait_ms': expect.any(Number),
    });
    expect(waits.filter(({ end, start }) => end - start < 1_000_000n)).toEqual([]);
  });

  it('comes from a service that says its name and version, and nothing of its host', () => {
    const resource = receiver.spans[0]?.resource ?? {};

    expect(resource).toMatchObject({ 'service.name': 'tidegauge', 'service.version': '0.1.0' });
    expect(Object.keys(resource).filter((key) => /^(host|os|process)\./.test(key))).toEqual([]);
  });

  it('is the only place for statements: what the service sends for itself is not recorded', () => {
    const requests = new Set(
      receiver.spans.filter(({ kind }) => kind === 2).map(({ traceId }) => traceId),
    );

    expect(receiver.spans.filter(({ traceId }) => !requests.has(traceId))).toEqual([]);
    expect(receiver.spans.filter(({ name }) => name === 'SELECT')).toEqual([]);
  });

  it('holds no value of a row, in no byte of what is exported', () => {
    const sent = Buffer.concat(receiver.bodies).toString('latin1');

    expect(sent).toContain('INSERT users');
    expect(sent).not.toMatch(/canary/i);
    expect(sent).not.toContain('secret=1');
  });
});
