import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DatabaseSessionManager, getDb } from '#database/session-manager.ts';
import { conflict } from '#http/http-error.ts';
import { defineRoute, type Route, type RouteReply } from '#http/route.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { testApp } from '#test/unit/http/http-fixture.ts';

const REQUEST_TIMEOUT_MS = 600;

let database: TestDatabase;
let sessions: DatabaseSessionManager;
const servers: Server[] = [];

beforeAll(async () => {
  database = await TestDatabase.create();
  await database.query(`
    create table notes (
      body text constraint notes_body_key unique deferrable initially deferred,
      parent text
    )`);
  sessions = new DatabaseSessionManager();
  await sessions.init(database.options({ poolSize: 2, maxOverflow: 0, acquireTimeoutMs: 300 }));
});

beforeEach(async () => {
  await database.query('truncate notes');
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await assertClean(sessions);
});

afterAll(async () => {
  await sessions.close();
  await database.drop();
});

async function addNote(body: string): Promise<void> {
  await getDb().execute('insert into notes (body) values (?)', [body]);
}

async function notes(): Promise<string[]> {
  const rows = await database.query<{ body: string }>('select body from notes order by body');
  return rows.map(({ body }) => body);
}

type Work = (signal: AbortSignal) => Promise<RouteReply<{ ok: boolean }>>;

function route(method: Route['method'], work: Work): Route {
  return defineRoute({
    method,
    path: '/notes',
    operationId: `${method}Notes`,
    summary: 'Work on notes',
    tags: [],
    responses: {
      200: { description: 'Done.', schema: z.object({ ok: z.boolean() }) },
      204: { description: 'Done.' },
    },
    errors: [],
    handler: ({ signal }) => work(signal),
  });
}

function appOf(work: Work, method: Route['method'] = 'post') {
  return testApp({
    routes: [route(method, work)],
    sessionManager: sessions,
    http: { requestTimeoutMs: REQUEST_TIMEOUT_MS },
  });
}

async function listening(app: ReturnType<typeof appOf>['app']): Promise<Server> {
  const server = app.listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return server;
}

const done = { status: 204 } as const;

describe('a request that writes', () => {
  it('has committed when its answer arrives', async () => {
    const { app } = appOf(async () => {
      await addNote('kept');
      return done;
    });

    const response = await request(app).post('/notes');

    expect(response.status).toBe(204);
    expect(await notes()).toEqual(['kept']);
  });

  it.each([
    ['a bug', new TypeError('bug'), 500],
    ['an answer it throws', conflict('no'), 409],
  ])('leaves nothing when it fails after two writes by %s', async (_what, error, status) => {
    const { app } = appOf(async () => {
      await addNote('first');
      await addNote('second');
      throw error;
    });

    const response = await request(app).post('/notes');

    expect(response.status).toBe(status);
    expect(await notes()).toEqual([]);
  });

  it.each([
    ['a failure', { status: 409, body: { ok: false } }],
    ['an undeclared status', { status: 202 }],
    ['another body than declared', { status: 204, body: { ok: true } }],
  ])('leaves nothing when it replies %s', async (_what, reply) => {
    const { app } = appOf(async () => {
      await addNote('first');
      return reply;
    });

    const response = await request(app).post('/notes');

    expect(response.status).toBe(500);
    expect(await notes()).toEqual([]);
  });

  it('is no success when the commit fails', async () => {
    const { app, log } = appOf(async () => {
      await addNote('twice@example.com');
      await addNote('twice@example.com');
      return done;
    });

    const response = await request(app).post('/notes');

    expect(response.status).toBe(409);
    expect(response.body.code).toBe('DB_UNIQUE');
    expect(response.text).not.toContain('twice@');
    expect(JSON.stringify(log.lines)).not.toContain('twice@');
    expect(await notes()).toEqual([]);
  });

  it('is rolled back past its deadline, and answered with 504', async () => {
    const { app } = appOf(async () => {
      await addNote('late');
      await delay(REQUEST_TIMEOUT_MS + 100);
      return done;
    });

    const response = await request(app).post('/notes');

    expect(response.status).toBe(504);
    expect(response.body.code).toBe('REQUEST_TIMEOUT');
    expect(await notes()).toEqual([]);
  });

  it('is rolled back when its client goes away', async () => {
    const gone = Promise.withResolvers<void>();
    const { app, ended } = appOf(async (signal) => {
      await addNote('for nobody');
      signal.addEventListener('abort', () => {
        gone.resolve();
      });
      await gone.promise;
      return done;
    });
    const server = await listening(app);

    const pending = request(server).post('/notes').timeout(100);
    await expect(pending).rejects.toThrow('Timeout');
    await gone.promise;
    await expect.poll(() => ended).toMatchObject([{ status: 499 }]);

    await expect.poll(() => sessions.activeSessions).toBe(0);
    expect(await notes()).toEqual([]);
  });
});

describe('a request that reads', () => {
  it('cannot write', async () => {
    const { app } = appOf(async () => {
      await addNote('by a GET');
      return { status: 200, body: { ok: true } };
    }, 'get');

    const response = await request(app).get('/notes');

    expect(response.status).toBe(500);
    expect(response.body.code).toBe('DB_SESSION_READ_ONLY');
    expect(await notes()).toEqual([]);
  });

  it('needs no connection when it asks the database nothing', async () => {
    const { app } = appOf(() => Promise.resolve({ status: 200, body: { ok: true } }), 'get');
    const before = sessions.stats().total;

    const responses = await Promise.all(
      Array.from({ length: 20 }, () => request(app).get('/notes')),
    );

    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(sessions.stats().total).toBe(before);
  });
});

describe('a request that finds no connection', () => {
  it('is told to come back', async () => {
    const gate = Promise.withResolvers<void>();
    const { app } = appOf(async () => {
      await addNote('holds a connection');
      await gate.promise;
      return done;
    });
    const server = await listening(app);

    const holders = [0, 1].map(() =>
      request(server)
        .post('/notes')
        .then((answer) => answer.status),
    );
    await expect.poll(() => sessions.stats().used).toBe(2);
    const third = await request(server).post('/notes');
    gate.resolve();
    await Promise.all(holders);

    expect(third.status).toBe(503);
    expect(third.body.code).toBe('DB_POOL_TIMEOUT');
    expect(third.headers['retry-after']).toBe('1');
  });
});
