import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DatabaseError } from '#database/database-error.ts';
import { defineRoute } from '#http/route.ts';
import type { Route, RouteSpec } from '#http/route.ts';
import { testApp } from './http-fixture.ts';
import type { TestApp } from './http-fixture.ts';

const SOON = { timeout: 5000, interval: 10 };
const BATCH = Array.from({ length: 1000 }, (_, at) => ({ at, text: 'x'.repeat(30) }));
/** More than any buffer between here and a client takes. */
const ENDLESS = 5000;

/** How far a stream was read, and whether it was closed. */
class Reading {
  batches = 0;
  isClosed = false;

  async *read(count: number, then?: () => Promise<void>) {
    try {
      for (; this.batches < count; this.batches += 1) {
        await Promise.resolve();
        yield BATCH;
      }
      await then?.();
    } finally {
      this.isClosed = true;
    }
  }
}

type Spec = RouteSpec<undefined, undefined, undefined, unknown>;

function rowsRoute(items: () => AsyncIterable<readonly unknown[]>, changes: Partial<Spec> = {}) {
  return defineRoute({
    method: 'get',
    path: '/rows',
    operationId: 'listRows',
    summary: 'List rows',
    tags: [],
    responses: {
      200: {
        description: 'Rows.',
        schema: z.object({
          name: z.string(),
          items: z.array(z.object({ at: z.int(), text: z.string() })),
        }),
        headers: { 'X-Name': 'A name.' },
      },
    },
    errors: [],
    streams: true,
    handler: () =>
      Promise.resolve({
        status: 200,
        body: { name: 'rows' },
        headers: { 'X-Name': 'n' },
        items: items(),
      }),
    ...changes,
  });
}

async function listening(route: Route, http: Parameters<typeof testApp>[0] = {}) {
  const target = testApp({ routes: [route], ...http });
  const server = target.app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    target,
    port,
    url: `http://127.0.0.1:${port}/rows`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function endOf({ ended }: TestApp) {
  await expect.poll(() => ended.length, SOON).toBe(1);
  return { status: ended[0]?.status, code: ended[0]?.scope.code };
}

it('an answer that is sent whole is waited for no longer than the client stalls', async () => {
  const items = Array.from({ length: ENDLESS / 5 }).flatMap(() => BATCH);
  await using server = await listening(
    rowsRoute(() => new Reading().read(0), {
      streams: false,
      handler: () => Promise.resolve({ status: 200, body: { name: 'rows', items } }),
    }),
    { http: { requestTimeoutMs: 300 }, environment: 'production' },
  );
  const client = connect(server.port, '127.0.0.1').on('error', () => undefined);
  await once(client, 'connect');

  client.pause();
  client.write('GET /rows HTTP/1.1\r\nHost: x\r\n\r\n');

  expect(await endOf(server.target)).toEqual({ status: 499, code: 'REQUEST_TIMEOUT' });
  client.destroy();
});

describe('an answer that streams', () => {
  it('is sent whole, with its length, when it is small', async () => {
    const { app } = testApp({ routes: [rowsRoute(() => new Reading().read(1))] });

    const response = await request(app).get('/rows');

    expect(response.status).toBe(200);
    expect(response.headers['x-name']).toBe('n');
    expect(Number(response.headers['content-length'])).toBe(response.text.length);
    expect(response.body).toEqual({ name: 'rows', items: BATCH });
  });

  it('has no items when there are none', async () => {
    const { app } = testApp({ routes: [rowsRoute(() => new Reading().read(0))] });

    const response = await request(app).get('/rows');

    expect(response.body).toEqual({ name: 'rows', items: [] });
  });

  it('is one JSON, however many batches it has', async () => {
    const reading = new Reading();
    const { app, sessions } = testApp({ routes: [rowsRoute(() => reading.read(20))] });

    const response = await request(app).get('/rows');

    expect(response.headers['transfer-encoding']).toBe('chunked');
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.headers['server-timing']).toContain('db;dur=');
    expect(response.body.items).toEqual(Array.from({ length: 20 }, () => BATCH).flat());
    expect(sessions).toEqual([{ name: 'GET /rows', readOnly: true, outcome: 'commit' }]);
  });

  it('is begun, and read no further, to answer HEAD', async () => {
    const reading = new Reading();
    const { app, sessions } = testApp({ routes: [rowsRoute(() => reading.read(ENDLESS))] });

    const response = await request(app).head('/rows');

    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.headers['content-length']).toBeUndefined();
    expect(reading.batches).toBeLessThan(5);
    expect(reading.isClosed).toBe(true);
    expect(sessions[0]?.outcome).toBe('commit');
  });

  it('is a problem when it fails before its beginning', async () => {
    const refuse = () => Promise.reject(new DatabaseError('DB_POOL_TIMEOUT', 'busy'));
    const { app } = testApp({ routes: [rowsRoute(() => new Reading().read(1, refuse))] });

    const response = await request(app).get('/rows');

    expect(response.status).toBe(503);
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(response.body.code).toBe('DB_POOL_TIMEOUT');
  });

  it('is a problem when it has not begun by the deadline of a request', async () => {
    const never = () => new Promise<void>(() => undefined);
    const http = { requestTimeoutMs: 50 };
    const { app } = testApp({ routes: [rowsRoute(() => new Reading().read(0, never))], http });

    const response = await request(app).get('/rows');

    expect(response.status).toBe(504);
    expect(response.body.code).toBe('REQUEST_TIMEOUT');
  });

  it('is cut, logged and counted when it fails after its beginning', async () => {
    const fail = () => Promise.reject(new DatabaseError('DB_CONNECTION_LOST', 'lost'));
    await using server = await listening(rowsRoute(() => new Reading().read(20, fail)));

    const response = await fetch(server.url);
    const text = response.text();

    expect(response.status).toBe(200);
    await expect(text).rejects.toThrow('terminated');
    expect(await endOf(server.target)).toEqual({ status: 503, code: 'DB_CONNECTION_LOST' });
    const failures = server.target.log.lines.filter(({ event }) => event === 'http.failure');
    expect(failures).toMatchObject([{ level: 'warn', code: 'DB_CONNECTION_LOST' }]);
    expect(server.target.sessions[0]?.outcome).toBe('rollback');
  });

  it('is cut when a batch is not what the schema says', async () => {
    async function* wrong() {
      yield* new Reading().read(20);
      yield [{ at: 'nowhere' }];
    }
    await using server = await listening(rowsRoute(wrong));

    await expect((await fetch(server.url)).text()).rejects.toThrow('terminated');

    expect(await endOf(server.target)).toEqual({ status: 500, code: 'INTERNAL' });
  });

  it('may take longer than a request, and is cut when it takes longer than a stream', async () => {
    const never = () => new Promise<void>(() => undefined);
    const http = { requestTimeoutMs: 100, streamTimeoutMs: 600 };
    await using server = await listening(
      rowsRoute(() => new Reading().read(20, never)),
      { http },
    );

    const startedAt = performance.now();
    await expect((await fetch(server.url)).text()).rejects.toThrow('terminated');

    expect(performance.now() - startedAt).toBeGreaterThan(500);
    expect(await endOf(server.target)).toEqual({ status: 504, code: 'REQUEST_TIMEOUT' });
  });

  it('is read no further than its client takes it, and no longer than the client stalls', async () => {
    const reading = new Reading();
    await using server = await listening(
      rowsRoute(() => reading.read(ENDLESS)),
      { http: { requestTimeoutMs: 300 }, environment: 'production' },
    );
    const client = connect(server.port, '127.0.0.1').on('error', () => undefined);
    await once(client, 'connect');

    client.pause();
    client.write('GET /rows HTTP/1.1\r\nHost: x\r\n\r\n');

    expect(await endOf(server.target)).toEqual({ status: 499, code: 'REQUEST_TIMEOUT' });
    expect(reading.isClosed).toBe(true);
    expect(reading.batches).toBeLessThan(ENDLESS / 5);
    client.destroy();
  });

  it('ends with its client', async () => {
    const reading = new Reading();
    await using server = await listening(
      rowsRoute(() => reading.read(ENDLESS)),
      { environment: 'production' },
    );
    const client = connect(server.port, '127.0.0.1').on('error', () => undefined);
    await once(client, 'connect');

    client.write('GET /rows HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(client, 'data');
    client.destroy();

    expect(await endOf(server.target)).toMatchObject({ status: 499 });
    await expect.poll(() => reading.isClosed, SOON).toBe(true);
    expect(reading.batches).toBeLessThan(ENDLESS);
    expect(server.target.log.lines.filter(({ event }) => event === 'http.failure')).toEqual([]);
  });

  it('is not begun for a client that takes no JSON', async () => {
    const reading = new Reading();
    const { app } = testApp({ routes: [rowsRoute(() => reading.read(1))] });

    const response = await request(app).get('/rows').set('Accept', 'text/csv');

    expect(response.status).toBe(406);
    expect(reading.batches).toBe(0);
  });

  it.each<Partial<Spec>>([
    { method: 'post' },
    { method: 'delete', streams: false, database: 'reporting' },
    { etag: true },
    { repeatable: true },
  ])('cannot be that of a route with %o', (changes) => {
    expect(() => rowsRoute(() => new Reading().read(1), changes)).toThrow('bug: listRows');
  });

  it('must be declared', async () => {
    const { app } = testApp({
      routes: [rowsRoute(() => new Reading().read(1), { streams: false })],
    });

    const response = await request(app).get('/rows');

    expect(response.status).toBe(500);
  });
});

describe('a route of the reporting database', () => {
  const route = rowsRoute(() => new Reading().read(1), { database: 'reporting' });

  it('is not configured where there is none', async () => {
    const { app, sessions } = testApp({ routes: [route] });

    const response = await request(app).get('/rows');

    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
    expect(response.body).toMatchObject({
      code: 'NOT_CONFIGURED',
      detail: 'reports are not configured here: set REPORTING_DATABASE_URL',
    });
    expect(sessions).toEqual([]);
  });

  it('has its sessions there', async () => {
    let asked = 0;
    const { app, sessions } = testApp({
      routes: [route],
      reporting: () => ({
        async session(work) {
          asked += 1;
          return await work();
        },
      }),
    });

    const response = await request(app).get('/rows');

    expect(response.status).toBe(200);
    expect({ asked, sessions }).toEqual({ asked: 1, sessions: [] });
  });

  it('is described as what it is', async () => {
    const { app } = testApp({ routes: [route] });

    const { body } = await request(app).get('/openapi.json');

    const { responses } = body.paths['/rows'].get;
    expect(responses[200].description).toContain('the connection is cut');
    expect(responses[503].description).toContain('`NOT_CONFIGURED`');
  });
});
