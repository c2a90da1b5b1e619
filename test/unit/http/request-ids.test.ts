import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { currentRequestScope } from '#http/request-scope.ts';
import { testApp, workRoute } from './http-fixture.ts';

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const TRACE_ID = /^[\da-f]{32}$/;

describe('the ids of a request', () => {
  it('are made for every request and returned with every answer', async () => {
    const { app } = testApp();

    const [first, second] = await Promise.all([
      request(app).get('/livez'),
      request(app).get('/nowhere'),
    ]);

    expect(first.headers['x-request-id']).toMatch(UUID);
    expect(first.headers['x-trace-id']).toMatch(TRACE_ID);
    expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
    expect(second.body).toMatchObject({
      requestId: second.headers['x-request-id'],
      traceId: second.headers['x-trace-id'],
    });
  });

  it("keep the caller's request id when it is short and plain", async () => {
    const { app, log } = testApp();

    const response = await request(app).get('/items').set('X-Request-Id', 'caller-1.a_B');

    expect(response.headers['x-request-id']).toBe('caller-1.a_B');
    expect(log.lines).toMatchObject([{ event: 'http.request', request_id: 'caller-1.a_B' }]);
  });

  it.each([['a'.repeat(129)], ['a'.repeat(10_000)], ['with space'], ['a"b'], ['<script>'], ['é']])(
    'replace one that is not: %.20s',
    async (sent) => {
      const { app } = testApp();

      const response = await request(app).get('/items').set('X-Request-Id', sent);

      expect(response.status).toBe(200);
      expect(response.headers['x-request-id']).toMatch(UUID);
    },
  );

  it.each([
    ["are the caller's trace where it is trusted", true],
    ["are not the caller's trace elsewhere", false],
  ])('%s, recorded or not', async (_case, trustTraceHeaders) => {
    const { app } = testApp({ http: { trustTraceHeaders } });
    const traceId = 'a'.repeat(32);

    const response = await request(app)
      .get('/items')
      .set('traceparent', `00-${traceId}-${'b'.repeat(16)}-01`);

    expect(response.headers['x-trace-id'] === traceId).toBe(trustTraceHeaders);
  });

  it('ignore a malformed traceparent', async () => {
    const { app } = testApp();

    const response = await request(app).get('/items').set('traceparent', '00-zz-\u00ff-xx-01');

    expect(response.status).toBe(200);
    expect(response.headers['x-trace-id']).toMatch(TRACE_ID);
  });

  it('are at hand wherever the handler leads, also after the body was read', async () => {
    const seen: (string | undefined)[] = [];
    const route = workRoute(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen.push(currentRequestScope()?.requestId);
    });
    const { app } = testApp({ routes: [route] });

    await request(app).post('/work').set('X-Request-Id', 'here').send({ ignored: true });

    expect(seen).toEqual(['here']);
    expect(currentRequestScope()).toBeUndefined();
  });
});

describe('the access log', () => {
  it('has one flat line per request with route, status and ids', async () => {
    const { app, log } = testApp();

    const response = await request(app).get('/items/nonsense?x=secret-value');

    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatchObject({
      level: 'info',
      event: 'http.request',
      method: 'GET',
      route: '/items/:id',
      status: 400,
      code: 'INPUT_INVALID',
      request_id: response.headers['x-request-id'],
      trace_id: response.headers['x-trace-id'],
    });
    expect(JSON.stringify(log.lines)).not.toContain('nonsense');
    expect(JSON.stringify(log.lines)).not.toContain('secret-value');
  });

  it.each(['/livez', '/readyz', '/healthz', '/metrics'])(
    'leaves out %s while it succeeds',
    async (path) => {
      const { app, log } = testApp();

      await request(app).get(path);

      expect(log.lines).toEqual([]);
    },
  );

  it('has probes that fail', async () => {
    const { app, log } = testApp({
      health: { snapshot: () => ({ state: 'down', message: 'gone', checks: {} }) },
    });

    await request(app).get('/readyz');

    expect(log.lines).toMatchObject([{ event: 'http.request', route: '/readyz', status: 503 }]);
  });

  it.each([
    { trustProxy: false, client: '127.0.0.1' },
    { trustProxy: true, client: '203.0.113.9' },
  ])('names the client as TRUST_PROXY=$trustProxy says', async ({ trustProxy, client }) => {
    const { app, log } = testApp({ http: { trustProxy } });

    await request(app).get('/items').set('X-Forwarded-For', '203.0.113.9');

    expect(String(log.lines[0]?.client).replace('::ffff:', '')).toBe(client);
  });

  it('does not take any text for a client', async () => {
    const { app, log } = testApp({ http: { trustProxy: true } });

    await request(app).get('/items').set('X-Forwarded-For', 'x\u001b[31m'.replace('\u001b', ''));

    expect(log.lines[0]?.client).toBeUndefined();
  });
});

describe('the observer', () => {
  it('is told the start and the end of every request, by template', async () => {
    const { app, started, ended } = testApp();

    await request(app).get('/items/0198c0de-7a11-7000-8000-000000000001');
    await request(app).get('/some/where/else');
    await request(app).put('/items');

    expect(started).toEqual(['GET', 'GET', 'PUT']);
    expect(ended).toMatchObject([
      { method: 'GET', route: '/items/:id', status: 200 },
      { method: 'GET', route: 'unmatched', status: 404 },
      { method: 'PUT', route: '/items', status: 405 },
    ]);
    expect(Math.min(...ended.map(({ durationMs }) => durationMs))).toBeGreaterThan(0);
  });

  it('sees a method outside the usual ones as _OTHER', async () => {
    const { app, ended } = testApp();

    await request(app).trace('/items');

    expect(ended).toMatchObject([{ method: '_OTHER', route: '/items', status: 405 }]);
  });
});
