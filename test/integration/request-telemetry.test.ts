import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getDb } from '#database/session-manager.ts';
import { HttpError } from '#http/http-error.ts';
import { defineRoute } from '#http/route.ts';
import type { Route } from '#http/route.ts';
import { noMetrics } from '#telemetry/metrics.ts';
import { addUser } from '#test/support/api-rows.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { until } from '#test/support/until.ts';

const SECRET = 'lovelace-7f3a';
const TIMING = /^db;dur=([\d.]+);desc="(\d+) queries", pool;dur=([\d.]+)$/;

function route(path: string, work: () => Promise<unknown>): Route {
  return defineRoute({
    method: 'get',
    path,
    operationId: path.slice(1),
    summary: 'For a test.',
    tags: [],
    responses: { 204: { description: 'Done.' } },
    errors: [],
    handler: async () => {
      await work();
      return { status: 204 };
    },
  });
}

const ROUTES = [
  route('/one-by-one', async () => {
    for (let row = 0; row < 30; row += 1) await getDb().execute('select 1 from users');
  }),
  route('/slow', () =>
    getDb().execute(
      `select pg_sleep(0.4), '${SECRET}' from teams right join (select 42) x on true`,
    ),
  ),
  route('/refused', async () => {
    await getDb().execute('select 1');
    throw new HttpError('CONFLICT');
  }),
  route('/silent', () => Promise.resolve()),
];

let service: TestService;

beforeAll(async () => {
  service = await buildTestService({ routes: ROUTES, env: { NODE_ENV: 'development' } });
});

afterAll(async () => {
  await service.close();
});

/** The line of the request that was given this id. */
async function lineOf(id: string) {
  return await until('the request has its line', () =>
    service.logs.find((line) => line['event'] === 'http.request' && line['request_id'] === id),
  );
}

function linesOf(event: string) {
  return service.logs.filter((line) => line['event'] === event);
}

async function samples(name: string) {
  const { text } = await service.request.get('/metrics');
  return parseExposition(text, 'text')
    .flatMap((family) => family.samples)
    .filter((sample) => sample.name === name);
}

describe('the line of a request', () => {
  it('tells what the database took of it, in the same numbers as Server-Timing', async () => {
    const before = service.queries;

    const { headers } = await service.request.get('/one-by-one').set('X-Request-Id', 'line-1');

    const line = await lineOf('line-1');
    const [, queryMs, queries, waitMs] = TIMING.exec(headers['server-timing'] ?? '') ?? [];
    expect(line).toMatchObject({
      db_queries: 30,
      db_ms: Number(queryMs),
      db_wait_ms: Number(waitMs),
      trace_id: headers['x-trace-id'],
      span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(Number(queries)).toBe(service.queries - before);
    expect(Number(queryMs)).toBeGreaterThan(0);
  });

  it('is flat', async () => {
    await service.request.get('/users').set('X-Request-Id', 'line-2');

    const nested = Object.values(await lineOf('line-2')).filter(
      (value) => typeof value === 'object',
    );
    expect(nested).toEqual([]);
  });

  it('says nothing of the database where no session was opened', async () => {
    await service.request.get('/users?nonsense=1').set('X-Request-Id', 'line-3');

    expect(Object.keys(await lineOf('line-3'))).not.toContain('db_queries');
  });

  it('has the ids of its trace in common with every line written in its course', async () => {
    const { headers } = await service.request.get('/slow').set('X-Request-Id', 'line-4');
    const { span_id: spanId } = await lineOf('line-4');

    const lines = service.logs.filter((line) => line['request_id'] === 'line-4');
    expect(lines.map(({ event }) => event)).toEqual(['db.query.slow', 'http.request']);
    expect(lines.map((line) => [line['trace_id'], line['span_id']])).toEqual([
      [headers['x-trace-id'], spanId],
      [headers['x-trace-id'], spanId],
    ]);
  });
});

describe('a request whose client goes away', () => {
  /** Asks, and leaves as soon as the pool is as it is waited for. */
  async function leave(from: TestService, id: string, isTime: () => boolean) {
    const leaving = new AbortController();
    const options = { signal: leaving.signal, headers: { 'X-Request-Id': id } };
    const asked = fetch(`${from.url}/slow`, options).catch(() => undefined);
    await until('the pool is in that state', () => isTime() || undefined);
    const since = performance.now();
    await until('some milliseconds have passed', () => performance.now() - since > 50 || undefined);
    leaving.abort();
    await asked;
    return await until('the request has its line', () =>
      from.logs.find((line) => line['status'] === 499 && line['request_id'] === id),
    );
  }

  it('is told with the statement that it left behind, and the time of it until then', async () => {
    const line = await leave(service, 'left-1', () => service.stats().used === 1);

    expect(line).toMatchObject({ db_queries: 1 });
    expect(line['db_ms']).toBeGreaterThanOrEqual(40);
    expect(line['db_ms']).toBeLessThanOrEqual(Number(line['ms']));
  });

  it('is told with its wait for a connection', async () => {
    await using full = await buildTestService({
      routes: ROUTES,
      env: { DB_POOL_SIZE: '1', DB_MAX_OVERFLOW: '0' },
    });
    const held = Promise.withResolvers<void>();
    const holding = full.sessions.session(async (db) => {
      await db.execute('select 1');
      await held.promise;
    });
    await until('the connection is held', () => full.stats().used === 1 || undefined);

    const line = await leave(full, 'left-2', () => full.stats().waiting === 1);
    held.resolve();
    await holding;

    expect(line).toMatchObject({ db_queries: 0, db_ms: 0 });
    expect(line['db_wait_ms']).toBeGreaterThanOrEqual(40);
    expect(line['db_wait_ms']).toBeLessThanOrEqual(Number(line['ms']));
  });
});

describe('Server-Timing', () => {
  it('is on answers that used the database: success, HEAD, 304, and errors of every kind', async () => {
    const user = await addUser(service.request);
    const { headers } = await service.request.get(`/users/${user.id}`);
    const etag = headers['etag'] ?? '';

    const answers = await Promise.all([
      service.request.get(`/users/${user.id}`),
      service.request.head(`/users/${user.id}`),
      service.request.get(`/users/${user.id}`).set('If-None-Match', etag),
      service.request.get('/users/0198c0de-7a11-7000-8000-000000000001'),
      service.request.get('/refused'),
      service.request.post('/users').send({ email: user.email, name: 'Twice' }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 304, 404, 409, 409]);
    expect(answers.map((answer) => TIMING.test(answer.headers['server-timing'] ?? ''))).toEqual(
      answers.map(() => true),
    );
  });

  it('says that a session sent nothing', async () => {
    const { headers } = await service.request.get('/silent');

    expect(headers['server-timing']).toMatch(/^db;dur=0;desc="0 queries", pool;dur=0$/);
  });

  it('is on no other answer', async () => {
    const answers = await Promise.all([
      service.request.get('/livez'),
      service.request.get('/metrics'),
      service.request.get('/nowhere'),
      service.request.get('/users?nonsense=1'),
      service.request.put('/users'),
      service.request.options('/users'),
      service.request.post('/users').send({ email: 'nonsense' }),
    ]);

    expect(answers.map(({ headers }) => headers['server-timing'])).toEqual(
      answers.map(() => undefined),
    );
  });
});

describe('metrics of requests', () => {
  it('show by route that one sends a statement for each row', async () => {
    await service.request.get('/one-by-one');
    await service.request.get('/silent');

    const buckets = (await samples('http_server_request_db_operations_bucket')).filter(
      ({ labels }) =>
        labels['le'] === '20.0' && ['/one-by-one', '/silent'].includes(labels['http_route'] ?? ''),
    );
    const counts = await samples('http_server_request_db_operations_count');
    const byRoute = (of: typeof counts) =>
      Object.fromEntries(of.map(({ labels, value }) => [labels['http_route'], value]));
    expect(byRoute(buckets)['/one-by-one']).toBe(0);
    expect(byRoute(buckets)['/silent']).toBe(byRoute(counts)['/silent']);
    expect(byRoute(counts)['/one-by-one']).toBeGreaterThan(0);
  });

  it('know nothing of the database of routes without sessions', async () => {
    await service.request.get('/livez');

    const routes = (await samples('http_server_request_db_seconds_count')).map(
      ({ labels }) => labels['http_route'],
    );
    expect(routes).not.toContain('/livez');
  });
});

describe('a slow statement', () => {
  it('is counted, and found in the log by its trace, with its SQL and without its literals', async () => {
    const before = await samples('db_client_slow_queries_total');

    await service.request.get('/slow');

    const after = await samples('db_client_slow_queries_total');
    expect((after[0]?.value ?? 0) - (before[0]?.value ?? 0)).toBe(1);
    const [line] = linesOf('db.query.slow');
    expect(line).toMatchObject({
      level: 'warn',
      pool: 'main',
      holder: 'GET /slow',
      query: 'SELECT teams',
      sql: 'select pg_sleep(?), ? from teams right join (select ?) x on true',
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(line?.['duration_ms']).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify(service.logs)).not.toContain(SECRET);
  });

  it('is not one where the threshold is 0', async () => {
    await using other = await buildTestService({ routes: ROUTES, env: { DB_SLOW_QUERY_MS: '0' } });

    await other.request.get('/slow');

    expect(other.logs.filter((line) => line['event'] === 'db.query.slow')).toEqual([]);
  });
});

describe('a borrower that got no connection', () => {
  it('is told in its line and in Server-Timing how long it waited', async () => {
    await using full = await buildTestService({
      routes: ROUTES,
      env: {
        DB_POOL_SIZE: '1',
        DB_MAX_OVERFLOW: '0',
        DB_POOL_PRE_PING: 'false',
        DB_CONNECT_TIMEOUT_MS: '99',
        DB_ACQUIRE_TIMEOUT_MS: '100',
      },
    });
    const held = Promise.withResolvers<void>();
    const holding = full.sessions.session(async (db) => {
      await db.execute('select 1');
      await held.promise;
    });
    await until('the connection is held', () => full.stats().used === 1 || undefined);

    const answer = await full.request.get('/refused').set('X-Request-Id', 'full-1');
    held.resolve();
    await holding;

    const [, , queries, waitMs] = TIMING.exec(answer.headers['server-timing'] ?? '') ?? [];
    expect(answer.status).toBe(503);
    expect(queries).toBe('0');
    expect(Number(waitMs)).toBeGreaterThanOrEqual(99);
    const line = full.logs.find(
      (found) => found['request_id'] === 'full-1' && found['ms'] !== undefined,
    );
    expect(line).toMatchObject({ db_queries: 0, db_wait_ms: Number(waitMs) });
  });
});

describe('a service whose metrics are off', () => {
  it('serves as any other, and has nothing to scrape', async () => {
    await using bare = await buildTestService({ metrics: noMetrics });

    const answer = await bare.request.get('/users');
    const scrape = await bare.request.get('/metrics');

    expect(answer.status).toBe(200);
    expect(answer.headers['server-timing']).toMatch(TIMING);
    expect([scrape.status, scrape.text]).toEqual([200, '']);
  });
});

describe('the level of the log', () => {
  it('is changed while the service runs, and back', async () => {
    const debugLines = () => service.logs.filter(({ level }) => level === 'debug').length;

    await service.request.put('/loglevel').send({ level: 'error' });
    const quietFrom = service.logs.length;
    await service.request.get('/users').set('X-Request-Id', 'quiet-1');
    const whileQuiet = service.logs.slice(quietFrom);
    await service.request.put('/loglevel').send({ level: 'debug' });
    await service.request.get('/users').set('X-Request-Id', 'loud-1');
    await lineOf('loud-1');

    expect(whileQuiet).toEqual([]);
    expect(linesOf('log.level.changed').map(({ from, to }) => [from, to])).toEqual([
      ['debug', 'error'],
      ['error', 'debug'],
    ]);
    expect(debugLines()).toBeGreaterThan(0);
  });
});
