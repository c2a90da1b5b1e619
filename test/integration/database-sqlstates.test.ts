import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { getDb } from '#database/session-manager.ts';
import { defineRoute } from '#http/route.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { until } from '#test/support/until.ts';

const CANARY = 'c4n4ry';

let service: TestService;
/** Why connections were closed since the test began. */
let closed: string[] = [];

const raiseError = (sqlState: string) =>
  getDb().execute('select raise_error(?, ?)', [sqlState, CANARY]);

beforeAll(async () => {
  service = await buildTestService({
    observer: { connectionClosed: ({ reason }) => void closed.push(reason) },
    routes: [
      defineRoute({
        method: 'post',
        path: '/errors/:sqlState',
        operationId: 'raiseError',
        summary: 'Fails in the database',
        tags: [],
        params: z.strictObject({ sqlState: z.string() }),
        responses: { 204: { description: 'Never.' } },
        errors: [],
        handler: async ({ params }) => {
          await raiseError(params.sqlState);
          return { status: 204 };
        },
      }),
    ],
  });
  await service.database.query(`
    create function raise_error(state text, secret text) returns void language plpgsql as $$
      begin
        raise exception using errcode = state, message = 'raised', detail = secret, hint = secret;
      end $$`);
});

afterEach(async () => {
  await assertClean(service);
});

afterAll(async () => {
  await service.close();
});

/** Waits until the pool has what it should, and forgets what was closed until then. */
async function settled(): Promise<void> {
  await until('the pool is full and idle', () => {
    const { idle, size, total } = service.stats();
    return idle >= size && idle === total ? true : undefined;
  });
  closed = [];
}

// One row for each SQLSTATE that has a code of its own, and some that have none: its code, its status, and whether the
// pool takes its connections for those of a server that is going, or its plans for stale, and replaces them.
const SQL_STATES = [
  ['08000', 'DB_CONNECTION_LOST', 503, 'failover'],
  ['08001', 'DB_CONNECTION_LOST', 503, 'failover'],
  ['08003', 'DB_CONNECTION_LOST', 503, 'failover'],
  ['08004', 'DB_CONNECTION_LOST', 503, 'failover'],
  ['08006', 'DB_CONNECTION_LOST', 503, 'failover'],
  ['08P01', 'DB_QUERY_FAILED', 500, 'kept'],
  ['0A000', 'DB_QUERY_FAILED', 500, 'kept'],
  ['21000', 'DB_QUERY_FAILED', 500, 'kept'],
  ['22001', 'DB_OUT_OF_RANGE', 422, 'kept'],
  ['22003', 'DB_OUT_OF_RANGE', 422, 'kept'],
  ['22007', 'DB_INVALID_TEXT', 422, 'kept'],
  ['22008', 'DB_OUT_OF_RANGE', 422, 'kept'],
  ['22012', 'DB_QUERY_FAILED', 500, 'kept'],
  ['22021', 'DB_INVALID_TEXT', 422, 'kept'],
  ['22P02', 'DB_INVALID_TEXT', 422, 'kept'],
  ['22P03', 'DB_INVALID_TEXT', 422, 'kept'],
  ['22P05', 'DB_INVALID_TEXT', 422, 'kept'],
  ['23000', 'DB_QUERY_FAILED', 500, 'kept'],
  ['23001', 'DB_FOREIGN_KEY', 422, 'kept'],
  ['23502', 'DB_NOT_NULL', 422, 'kept'],
  ['23503', 'DB_FOREIGN_KEY', 422, 'kept'],
  ['23505', 'DB_UNIQUE', 409, 'kept'],
  ['23514', 'DB_CHECK', 422, 'kept'],
  ['23P01', 'DB_EXCLUSION', 409, 'kept'],
  ['25006', 'DB_READ_ONLY', 503, 'failover'],
  ['25P02', 'DB_QUERY_FAILED', 500, 'kept'],
  ['25P03', 'DB_CONNECTION_LOST', 503, 'kept'],
  ['25P04', 'DB_QUERY_TIMEOUT', 504, 'kept'],
  ['26000', 'DB_UNAVAILABLE', 503, 'dirty'],
  ['28000', 'DB_AUTH_FAILED', 503, 'kept'],
  ['28P01', 'DB_AUTH_FAILED', 503, 'kept'],
  ['3D000', 'DB_NOT_FOUND', 503, 'kept'],
  ['3F000', 'DB_SCHEMA', 500, 'kept'],
  ['40001', 'DB_SERIALIZATION', 409, 'kept'],
  ['40P01', 'DB_DEADLOCK', 409, 'kept'],
  ['42501', 'DB_PERMISSION', 500, 'kept'],
  ['42601', 'DB_QUERY_FAILED', 500, 'kept'],
  ['42703', 'DB_SCHEMA', 500, 'kept'],
  ['42P01', 'DB_SCHEMA', 500, 'kept'],
  ['53000', 'DB_UNAVAILABLE', 503, 'kept'],
  ['53100', 'DB_DISK_FULL', 503, 'kept'],
  ['53200', 'DB_UNAVAILABLE', 503, 'kept'],
  ['53300', 'DB_TOO_MANY_CONNECTIONS', 503, 'kept'],
  ['55P03', 'DB_LOCK_TIMEOUT', 503, 'kept'],
  ['57014', 'DB_QUERY_CANCELLED', 500, 'kept'],
  ['57P01', 'DB_CONNECTION_LOST', 503, 'failover'],
  ['57P02', 'DB_CONNECTION_LOST', 503, 'failover'],
  ['57P03', 'DB_UNAVAILABLE', 503, 'failover'],
  ['57P05', 'DB_CONNECTION_LOST', 503, 'kept'],
  ['58030', 'DB_UNAVAILABLE', 503, 'kept'],
  ['P0001', 'DB_QUERY_FAILED', 500, 'kept'],
  ['XX000', 'DB_QUERY_FAILED', 500, 'kept'],
] as const;

describe('an error of the server', () => {
  it.each(SQL_STATES)(
    'F35: %s is %s, status %i, and never shows its DETAIL; the connections: %s',
    async (sqlState, code, status, connections) => {
      await settled();
      const failure = await failureOf(service.sessions.session(() => raiseError(sqlState)));

      const answer = await service.request.post(`/errors/${sqlState}`);

      expect(failure).toMatchObject({ code, details: { sqlState } });
      expect(failure.message).toContain(sqlState);
      expect(
        [String(failure), failure.stack, JSON.stringify(failure), answer.text].join(),
      ).not.toContain(CANARY);
      expect(answer).toMatchObject({ status, body: { code, status } });
      expect(new Set(closed)).toEqual(new Set(connections === 'kept' ? [] : [connections]));
    },
  );

  it('F35: of a class that nobody has heard of is DB_QUERY_FAILED, and costs no connection', async () => {
    await settled();

    const answer = await service.request.post('/errors/ZZ999');

    expect(answer).toMatchObject({ status: 500, body: { code: 'DB_QUERY_FAILED' } });
    expect(closed).toEqual([]);
  });
});

describe('a NUL character', () => {
  it('F35: in a body changes neither the pool nor the readiness, 50 times', async () => {
    await settled();

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_unused, index) =>
        service.request.post('/users').send({ email: `${index}@example.org`, name: 'A\0da' }),
      ),
    );

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 422));
    expect((await service.request.get('/readyz')).status).toBe(200);
    expect(closed).toEqual([]);
  });

  it('F35: that reaches the server is DB_INVALID_TEXT, and costs no connection', async () => {
    await settled();

    const failures = await Promise.all(
      Array.from({ length: 50 }, () =>
        failureOf(
          service.sessions.session((db) => db.execute('select ? :: text', ['A\0da']), {
            readOnly: true,
          }),
        ),
      ),
    );

    expect(failures.map(({ code }) => code)).toEqual(failures.map(() => 'DB_INVALID_TEXT'));
    expect((await service.request.get('/readyz')).body).toMatchObject({ status: 'up' });
    expect(closed).toEqual([]);
  });
});
