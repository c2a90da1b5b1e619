import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { DATABASE_ERROR_CODES, DatabaseError } from '#database/database-error.ts';
import { conflict, notFound, preconditionFailed } from '#http/http-error.ts';
import { defineRoute } from '#http/route.ts';
import { z } from 'zod';
import { createHttpServer } from '#http/server.ts';
import { httpSettings, testApp, workRoute } from './http-fixture.ts';

const SECRET = 'ada@example.com';

function failing(reason: unknown, overrides?: Parameters<typeof workRoute>[1]) {
  const work = (): Promise<never> => Promise.reject(reason);
  return testApp({ routes: [workRoute(work, overrides)] });
}

describe('a request that fails', () => {
  it.each([
    [notFound(), 404, 'NOT_FOUND'],
    [conflict('the last owner cannot leave'), 409, 'CONFLICT'],
    [preconditionFailed(), 412, 'PRECONDITION_FAILED'],
  ])('is answered as the handler said: %s', async (error, status, code) => {
    const { app, sessions, log } = failing(error);

    const response = await request(app).post('/work');

    expect(response.status).toBe(status);
    expect(response.body).toMatchObject({ status, code, detail: error.detail });
    expect(sessions).toMatchObject([{ outcome: 'rollback' }]);
    expect(log.lines).toMatchObject([{ event: 'http.request', status, code }]);
  });

  it.each(DATABASE_ERROR_CODES)('tells nothing of the database but the code: %s', async (code) => {
    const { app } = failing(
      new DatabaseError(code, `connect to db.internal failed for ${SECRET}`, {
        table: 'users',
        constraint: 'users_email_key',
      }),
    );

    const response = await request(app).post('/work');

    expect(response.body.code).toBe(code);
    expect(response.body.type).toBe(`/docs/errors.md#${code.toLowerCase()}`);
    expect(response.text).not.toMatch(/db\.internal|ada@|users/);
  });

  it('says in words which constraint it broke, where the route knows', async () => {
    const error = new DatabaseError('DB_UNIQUE', 'x', { constraint: 'users_email_key' });
    const constraints = { users_email_key: 'a user with this e-mail address exists already' };

    const known = await request(failing(error, { constraints }).app).post('/work');
    const unknown = await request(failing(error).app).post('/work');

    expect(known.body.detail).toBe('a user with this e-mail address exists already');
    expect(unknown.body.detail).toBe('a value that must be unique is already taken');
  });

  it('is a conflict when a foreign key refuses a DELETE, and invalid otherwise', async () => {
    const error = new DatabaseError('DB_FOREIGN_KEY', 'x');

    const removed = await request(failing(error, { method: 'delete' }).app).delete('/work');
    const posted = await request(failing(error).app).post('/work');

    expect(removed.status).toBe(409);
    expect(posted.status).toBe(422);
  });

  it.each([
    ['DB_POOL_TIMEOUT', '1'],
    ['DB_POOL_FULL', '1'],
    ['DB_CONNECT_REFUSED', '5'],
    ['DB_UNAVAILABLE', '5'],
  ] as const)('says when to come back after %s', async (code, seconds) => {
    const { app, log } = failing(new DatabaseError(code, 'why, for the operator'));

    const response = await request(app).post('/work');

    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toBe(seconds);
    expect(log.lines).toMatchObject([
      {
        level: 'warn',
        event: 'http.failure',
        code,
        request_id: response.body.requestId,
        err: { type: 'DatabaseError', code, message: 'why, for the operator' },
      },
      { level: 'info', event: 'http.request', status: 503, code },
    ]);
  });

  it('F7: by the thousand has one line that says why, and one each in the access log', async () => {
    const { app, log } = failing(new DatabaseError('DB_POOL_FULL', 'the queue is full'));
    const server = createHttpServer(app, httpSettings, log);
    const { port } = await server.listen();

    const answers = await Promise.all(
      Array.from({ length: 200 }, () => fetch(`http://127.0.0.1:${port}/work`, { method: 'POST' })),
    );
    await server[Symbol.asyncDispose]();

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    const { warn, info } = Object.groupBy(log.lines, ({ level }) => level);
    expect(warn).toMatchObject([{ event: 'http.failure', err: { message: 'the queue is full' } }]);
    expect(info).toHaveLength(200);
    expect(info).toContainEqual(expect.objectContaining({ status: 503, code: 'DB_POOL_FULL' }));
  });

  it('by a bug is answered with 500 and logged once as an error, with its stack', async () => {
    const { app, log } = failing(new TypeError('cannot read x of undefined'));

    const response = await request(app).post('/work');

    expect(response.status).toBe(500);
    expect(response.body.code).toBe('INTERNAL');
    expect(response.text).not.toContain('cannot read');
    const errors = log.lines.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([
      { event: 'http.failure', err: { type: 'TypeError', message: 'cannot read x of undefined' } },
    ]);
    expect(JSON.stringify(errors)).toContain('failures.test.ts');
  });

  it.each([
    Object.assign(new Error(`Key (email)=(${SECRET}) exists`), { name: 'error', code: '23505' }),
    new SyntaxError(`Unexpected token in "${SECRET}"`),
    new Error(`outer ${SECRET}`, { cause: new Error(`inner ${SECRET}`) }),
    SECRET,
    { message: SECRET },
    undefined,
    null,
  ])('never tells a value that a driver or a parser quotes: %#', async (error) => {
    const { app, log } = failing(error);

    const response = await request(app).post('/work');

    expect(response.status).toBe(500);
    expect(response.text).not.toContain(SECRET);
    expect(JSON.stringify(log.lines)).not.toContain(SECRET);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});

describe('the session of a route', () => {
  it.each([
    [{}, false],
    [{ repeatable: true }, true],
  ])('knows its request, and whether it may be repeated: %j', async (route, repeatable) => {
    const given: unknown[] = [];
    const { app } = testApp({
      routes: [workRoute(() => Promise.resolve(), route)],
      sessionManager: {
        session(work, options) {
          given.push(options);
          return work();
        },
      },
    });

    const response = await request(app).post('/work');

    expect(given).toMatchObject([
      { name: 'POST /work', scope: { traceId: response.headers['x-trace-id'] }, repeatable },
    ]);
  });
});

describe('a reply', () => {
  function replying(status: number, body?: unknown, headers: Record<string, string> = {}) {
    return defineRoute({
      method: 'post',
      path: '/work',
      operationId: 'work',
      summary: 'Work',
      tags: [],
      responses: {
        200: { description: 'Done.', schema: z.object({ id: z.string() }) },
        204: { description: 'Done.' },
      },
      errors: [],
      handler: () => Promise.resolve({ status, headers, ...(body === undefined ? {} : { body }) }),
    });
  }

  it.each([
    ['a failure that was not thrown', replying(422, { id: 'a' })],
    ['an undeclared status', replying(201, { id: 'a' })],
    ['a body that breaks its schema', replying(200, { id: 1 })],
    ['no body where one is declared', replying(200)],
    ['a body where none is declared', replying(204, { id: 'a' })],
    ['a body that JSON cannot hold', replying(200, { id: 1n })],
    ['a header that HTTP cannot hold', replying(200, { id: 'a' }, { Location: 'a\r\nb: c' })],
  ])('is refused before anything is committed: %s', async (_what, route) => {
    const { app, sessions } = testApp({ routes: [route] });

    const response = await request(app).post('/work');

    expect(response.status).toBe(500);
    expect(sessions).toMatchObject([{ outcome: 'rollback' }]);
  });

  it('is not held against its schema in production', async () => {
    const { app } = testApp({ routes: [replying(200, { id: 1 })], environment: 'production' });

    const response = await request(app).post('/work');

    expect(response.status).toBe(200);
  });

  it('is sent after the commit, never before', async () => {
    const commit = Promise.withResolvers<void>();
    const { app } = testApp({
      routes: [replying(204)],
      sessionManager: {
        async session(work) {
          const result = await work();
          await commit.promise;
          return result;
        },
      },
    });
    let isAnswered = false;

    const pending = request(app)
      .post('/work')
      .then((response) => {
        isAnswered = true;
        return response;
      });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const wasAnsweredEarly = isAnswered;
    commit.resolve();
    const response = await pending;

    expect(wasAnsweredEarly).toBe(false);
    expect(response.status).toBe(204);
  });

  it('is never a success when the commit fails', async () => {
    const { app } = testApp({
      routes: [replying(200, { id: 'a' }, { ETag: '"1"', Location: '/x' })],
      sessionManager: {
        async session(work) {
          await work();
          throw new DatabaseError('DB_UNIQUE', 'deferred');
        },
      },
    });

    const response = await request(app).post('/work');

    expect(response.status).toBe(409);
    expect(response.headers.etag).toBeUndefined();
    expect(response.headers.location).toBeUndefined();
  });
});

describe('the bounds of a request', () => {
  it('answer 504 past the deadline, and abort the work', async () => {
    const signals: AbortSignal[] = [];
    const route = workRoute((signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    });
    const { app } = testApp({ routes: [route], http: { requestTimeoutMs: 50 } });

    const response = await request(app).post('/work');

    expect(response.status).toBe(504);
    expect(response.body.code).toBe('REQUEST_TIMEOUT');
    expect(signals[0]?.aborted).toBe(true);
  });

  it('refuse what is beyond the limit of requests in flight, but never a probe', async () => {
    const gate = Promise.withResolvers<void>();
    const { app } = testApp({ routes: [workRoute(() => gate.promise)], http: { maxInFlight: 1 } });
    const server = app.listen(0);

    const first = request(server).post('/work');
    const firstAnswer = first.then((response) => response);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = await request(server).post('/work');
    const probe = await request(server).get('/livez');
    gate.resolve();
    const answer = await firstAnswer;
    const third = await request(server).post('/work');
    server.close();

    expect(second.status).toBe(503);
    expect(second.body.code).toBe('OVERLOADED');
    expect(second.headers['retry-after']).toBe('1');
    expect(probe.status).toBe(200);
    expect(answer.status).toBe(204);
    expect(third.status).toBe(204);
  });

  it('abort the work of a client who goes away, and count it as 499', async () => {
    const aborted = Promise.withResolvers<void>();
    const route = workRoute(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted.resolve();
            reject(new DatabaseError('DB_QUERY_CANCELLED', 'cancelled'));
          });
        }),
    );
    const { app, ended, log, sessions } = testApp({ routes: [route] });
    const server = app.listen(0);

    const pending = request(server).post('/work').timeout(50);
    await expect(pending).rejects.toThrow('Timeout');
    await aborted.promise;
    await expect.poll(() => ended).toMatchObject([{ route: '/work', status: 499 }]);
    server.close();

    expect(sessions).toMatchObject([{ outcome: 'rollback' }]);
    expect(log.lines).toMatchObject([
      { event: 'http.request', status: 499, client: expect.stringContaining('127.0.0.1') },
    ]);
  });
});
