import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { getDb } from '#database/session-manager.ts';
import { defineRoute } from '#http/route.ts';
import type { Route } from '#http/route.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';

const SLOTS = 10;
const REQUESTS = 200;
/** A statement takes longer by far, and ten times what a slot may need to be free. */
const SOON = { timeout: 5000, interval: 10 };
const STATEMENT_TIMEOUT_MS = 20_000;

let service: TestService;

beforeAll(async () => {
  service = await buildTestService({
    routes: [...ROUTES],
    env: {
      DB_POOL_SIZE: String(SLOTS),
      DB_MAX_OVERFLOW: '0',
      DB_QUEUE_LIMIT: String(REQUESTS),
      DB_ACQUIRE_TIMEOUT_MS: '20000',
      DB_STATEMENT_TIMEOUT_MS: String(STATEMENT_TIMEOUT_MS),
      HTTP_REQUEST_TIMEOUT_MS: '30000',
      LOG_LEVEL: 'fatal',
    },
  });
  await service.database.define('create table pairs (pair int not null, half int not null)');
});

afterEach(async () => {
  await assertClean(service);
  await service.database.query('truncate pairs');
});

afterAll(async () => {
  await service.close();
});

function route(method: Route['method'], path: string, work: (pair: number) => Promise<unknown>) {
  return defineRoute({
    method,
    path: `${path}/:pair`,
    operationId: path.slice(1),
    summary: 'For a test.',
    tags: [],
    params: z.strictObject({ pair: z.coerce.number() }),
    responses: { 204: { description: 'Done.' } },
    errors: [],
    handler: async ({ params: { pair } }) => {
      await work(pair);
      return { status: 204 };
    },
  });
}

const half = (pair: number, number: number) =>
  getDb().execute('insert into pairs values (?, ?)', [pair, number]);
const sleep = (seconds: number) => getDb().execute('select pg_sleep(?)', [seconds]);

const ROUTES = [
  route('get', '/slow', () => sleep(60)),
  route('post', '/slowPair', async (pair) => {
    await half(pair, 1);
    await sleep(60);
    await half(pair, 2);
  }),
  route('post', '/pair', async (pair) => {
    await half(pair, 1);
    await sleep(0.005);
    await half(pair, 2);
  }),
  // What the request's own session promises is not asked for.
  route('get', '/unbound', () => service.sessions.session(() => sleep(3), { readOnly: true })),
  route('post', '/halves', async (pair) => {
    await service.sessions.transaction(() => half(pair, 1), { propagation: 'new' });
    await sleep(60);
    await service.sessions.transaction(() => half(pair, 2), { propagation: 'new' });
  }),
];

/** Sends requests at once, each of which its client leaves when told to; resolves to how many were answered. */
async function sendAndLeave(
  path: string,
  count: number,
  leave: (index: number) => AbortSignal,
): Promise<number> {
  const method = ROUTES.find((known) => known.path === `${path}/:pair`)?.method.toUpperCase() ?? '';
  const answers = await Promise.all(
    Array.from({ length: count }, async (_unused, index) => {
      try {
        const { status } = await fetch(`${service.url}${path}/${index}`, {
          method,
          signal: leave(index),
        });
        return status === 204;
      } catch {
        return false;
      }
    }),
  );
  return answers.filter(Boolean).length;
}

/** Of the service, in transactions as well. */
const activeStatements = () => countSessions(`state <> 'idle'`);

const sleepers = () => countSessions(`state = 'active'`);

async function countSessions(condition: string): Promise<number> {
  const rows = await service.database.query(`
    select from pg_stat_activity
    where application_name = 'tidegauge/main' and datname = current_database() and ${condition}`);
  return rows.length;
}

/** How many pairs are whole, and how many are not. */
async function pairs() {
  const rows = await service.database.query<{ halves: number }>(
    'select count(*)::int as halves from pairs group by pair',
  );
  const whole = rows.filter(({ halves }) => halves === 2).length;
  return { whole, half: rows.length - whole };
}

describe(`${REQUESTS} clients that leave`, () => {
  it.each(['/slow', '/slowPair'])(
    'F41: of %s take their statements with them, and free their slots',
    async (path) => {
      const clients = new AbortController();
      const answered = sendAndLeave(path, REQUESTS, () => clients.signal);
      const all = { used: SLOTS, waiting: REQUESTS - SLOTS };
      await expect.poll(() => service.stats(), SOON).toMatchObject(all);
      clients.abort();

      expect(await answered).toBe(0);

      await expect.poll(() => service.stats(), SOON).toMatchObject({ used: 0, waiting: 0 });
      await expect.poll(activeStatements, SOON).toBe(0);
      expect(await pairs()).toEqual({ whole: 0, half: 0 });
    },
  );

  it('F41 control: sessions that are not bound to their requests keep slots and statements', async () => {
    const clients = new AbortController();
    // Behind a pooler the session of each request, which sends nothing, is a transaction and has a slot, too.
    const count = SLOTS / 2;
    const answered = sendAndLeave('/unbound', count, () => clients.signal);
    await expect.poll(sleepers, SOON).toBe(count);
    clients.abort();
    expect(await answered).toBe(0);

    await delay(1000);

    expect(await sleepers()).toBe(count);
    expect(service.stats().used).toBeGreaterThanOrEqual(count);
    await expect.poll(() => service.stats().used, SOON).toBe(0);
  });

  it('F41: at any moment of a write leave all of it behind, or nothing', async () => {
    const answered = await sendAndLeave('/pair', REQUESTS, (index) =>
      AbortSignal.timeout(index * 10),
    );

    await expect.poll(() => service.activeSessions, SOON).toBe(0);
    const { whole, half } = await pairs();
    expect(half).toBe(0);
    // What was answered is there; what was not may have been committed when its client left.
    expect(whole).toBeGreaterThanOrEqual(answered);
    expect(whole).toBeLessThan(REQUESTS);
    expect(answered).toBeGreaterThan(0);
  });

  it('F41 control: leave halves where a write is two transactions', async () => {
    const clients = new AbortController();
    const answered = sendAndLeave('/halves', 3, () => clients.signal);
    await expect.poll(pairs, SOON).toEqual({ whole: 0, half: 3 });
    clients.abort();
    expect(await answered).toBe(0);

    await expect.poll(() => service.activeSessions, SOON).toBe(0);
    expect(await pairs()).toEqual({ whole: 0, half: 3 });
  });
});
