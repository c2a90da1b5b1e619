import { raw } from '@mikro-orm/core';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getDb } from '#database/session-manager.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { defineRoute } from '#http/route.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { recordedTracing } from '#test/support/recorded-tracing.ts';
import { until } from '#test/support/until.ts';

const route = (path: string, work: (signal: AbortSignal) => Promise<unknown>) =>
  defineRoute({
    method: 'get',
    path,
    operationId: path.slice(1),
    summary: 'For a test.',
    tags: [],
    responses: { 204: { description: 'Done.' } },
    errors: [],
    handler: async ({ signal }) => {
      await work(signal);
      return { status: 204 };
    },
  });

const ROUTES = [
  route('/streamed', async () => {
    for await (const _user of getDb().stream(UserEntity)) {
      // Reading them is all.
    }
  }),
  route('/stream-failed', async () => {
    for await (const _user of getDb().stream(UserEntity, {
      where: { [raw('1 / 0 = ?', [1])]: [] },
    })) {
      // There is none.
    }
  }),
  route('/broken', () => Promise.reject(new Error('somebody@example.org'))),
  route('/slow', async () => {
    await getDb().execute('select pg_sleep(20)');
  }),
];

const tracing = recordedTracing();
let service: TestService;

beforeAll(async () => {
  service = await buildTestService({
    routes: ROUTES,
    tracing,
    env: {
      DB_POOL_SIZE: '1',
      DB_MAX_OVERFLOW: '0',
      DB_SQL_COMMENTER: 'true',
      DB_ACQUIRE_TIMEOUT_MS: '300',
      DB_CONNECT_TIMEOUT_MS: '150',
      DB_PRE_PING_TIMEOUT_MS: '100',
    },
  });
  await service.database.query(
    `insert into users (id, email, name, created_at, updated_at)
     select gen_random_uuid(), n || '@canary.test', 'Canary', now(), now() from generate_series(1, 250) n`,
  );
});
afterAll(async () => {
  await service.close();
});

async function spansOf(traceId: string | null) {
  await until('the server span ends', () =>
    tracing
      .spans()
      .find((span) => span.spanContext().traceId === traceId && span.kind === SpanKind.SERVER),
  );
  return tracing.spans().filter((span) => span.spanContext().traceId === traceId);
}

async function ask(path: string) {
  const answer = await fetch(`${service.url}${path}`);
  const spans = await spansOf(answer.headers.get('x-trace-id'));
  const server = spans.find(({ kind }) => kind === SpanKind.SERVER);
  return { status: answer.status, spans, server };
}

describe('the trace of a request', () => {
  it('has one span for a statement that is streamed, whatever the number of its reads', async () => {
    const { status, spans, server } = await ask('/streamed');

    const streams = spans.filter(({ kind }) => kind === SpanKind.CLIENT);
    const { replicaUrl, url, address } = service.database;
    // What only reads is read where there is a replica.
    const { hostname, port } = new URL(replicaUrl ?? url);
    expect(status).toBe(204);
    expect(streams).toHaveLength(1);
    expect(streams[0]?.name).toBe('SELECT users');
    expect(streams[0]?.parentSpanContext?.spanId).toBe(server?.spanContext().spanId);
    expect(streams[0]?.attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.namespace': address.database,
      'db.operation.name': 'SELECT',
      'db.collection.name': 'users',
      'db.query.summary': 'SELECT users',
      'db.query.text': expect.stringMatching(/^select .* from "users"/),
      'server.address': hostname,
      'server.port': Number(port),
    });
  });

  it('can be found from the statement that the server has streamed last', async () => {
    const { server } = await ask('/streamed');

    const { traceId, spanId } = server?.spanContext() ?? {};
    const sessions = await service.database.query<{ query: string }>(
      `select query from pg_stat_activity
       where datname = current_database() and application_name = 'tidegauge/main'`,
    );
    expect(sessions).toEqual([
      {
        query: expect.stringMatching(
          new RegExp(
            `^select .* from "users".*/\\*route='%2Fstreamed',traceparent='00-${traceId}-${spanId}-01'\\*/$`,
          ),
        ),
      },
    ]);
  });

  it('tells of a stream that failed by its SQLSTATE', async () => {
    const { spans } = await ask('/stream-failed');

    const stream = spans.find(({ kind }) => kind === SpanKind.CLIENT);
    expect(stream?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(stream?.attributes).toMatchObject({
      'error.type': '22012',
      'db.response.status_code': '22012',
      'db.query.text': expect.stringContaining('? / ? = $1'),
    });
  });

  it('says that the request failed, by its code, and not why', async () => {
    const { status, server } = await ask('/broken');

    expect(status).toBe(500);
    expect(server?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(server?.attributes).toMatchObject({
      'http.response.status_code': 500,
      'error.type': 'INTERNAL',
    });
    expect(server?.events).toEqual([]);
  });

  it('says that a client went away, and that nobody got a connection in time', async () => {
    const gone = new AbortController();
    const leaving = fetch(`${service.url}/slow`, { signal: gone.signal }).catch(() => undefined);
    await until('it has the connection', () => (service.stats().used === 1 ? true : undefined));
    const refused = await ask('/streamed');
    gone.abort();
    await leaving;
    const left = await until('its span ends', () =>
      tracing.spans().find(({ name }) => name === 'GET /slow'),
    );

    const acquire = refused.spans.find(({ name }) => name === 'pool.acquire');
    expect(refused.status).toBe(503);
    expect(refused.server?.attributes['error.type']).toBe('DB_POOL_TIMEOUT');
    expect(acquire?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(acquire?.attributes).toMatchObject({
      'error.type': 'timeout',
      'tidegauge.pool.outcome': 'timeout',
    });
    expect(acquire?.attributes['tidegauge.pool.wait_ms']).toBeGreaterThan(250);
    expect(left.attributes['http.response.status_code']).toBe(499);
    expect(left.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('that matches no route is named by its method alone', async () => {
    const { server } = await ask('/no/such/path/somebody@canary.test');

    expect(server?.name).toBe('GET');
    expect(server?.attributes).not.toHaveProperty('http.route');
  });

  it('holds no value of a row', () => {
    const told = tracing
      .spans()
      .map(({ name, attributes, events, status }) =>
        JSON.stringify({ name, attributes, events, status }),
      );

    expect(told.length).toBeGreaterThan(5);
    expect(told.filter((text) => /canary|example\.org/i.test(text))).toEqual([]);
  });
});

describe('a request that is not sampled', () => {
  it('has ids of its own, in its answer and in the log, and no span', async () => {
    const unsampled = recordedTracing({ isSampling: false });
    await using quiet = await buildTestService({
      tracing: unsampled,
      env: { DB_SQL_COMMENTER: 'true' },
    });

    const answers = await Promise.all([1, 2, 3].map(() => fetch(`${quiet.url}/users`)));

    const ids = answers.map(({ headers }) => headers.get('x-trace-id') ?? '');
    const logged = await until('they are logged', () => {
      const lines = quiet.logs.filter(({ event }) => event === 'http.request');
      return lines.length === 3 ? lines.map(({ trace_id: id }) => id) : undefined;
    });
    expect(new Set(ids).size).toBe(3);
    expect(new Set(logged)).toEqual(new Set(ids));
    expect(ids.filter((id) => !/^[0-9a-f]{32}$/.test(id))).toEqual([]);
    expect(unsampled.spans()).toEqual([]);
  });
});
