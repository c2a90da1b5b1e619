import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { getDb } from '#database/session-manager.ts';
import { defineRoute } from '#http/route.ts';
import type { Route } from '#http/route.ts';

/** How long the first lock of a deadlock is held before the second is asked for. */
const LOCKED_MS = 200;

const amount = z.strictObject({ amount: z.coerce.number().int().min(1).max(10_000) });
const order = z.strictObject({ first: z.coerce.number(), second: z.coerce.number() });
const done = { 204: { description: 'Done.' } };
const common = { summary: 'For a test.', tags: ['test'], responses: done, errors: [] };

/** Statements one after the other that one could have answered: `GET /test/statements/40`. */
const statements = defineRoute({
  ...common,
  method: 'get',
  path: '/test/statements/:amount',
  operationId: 'testStatements',
  params: amount,
  handler: async ({ params }) => {
    for (let sent = 0; sent < params.amount; sent += 1) {
      await getDb().execute('select "name" from "users" where "email" = ?', [String(sent)]);
    }
    return { status: 204 };
  },
});

/** A statement that takes its milliseconds: `GET /test/slow/300`. */
const slow = defineRoute({
  ...common,
  method: 'get',
  path: '/test/slow/:amount',
  operationId: 'testSlow',
  params: amount,
  handler: async ({ params }) => {
    await getDb().execute('select pg_sleep(?) from "users" limit 1', [params.amount / 1000]);
    return { status: 204 };
  },
});

/** A session that keeps its connection and does nothing: `POST /test/held/1000`. */
const held = defineRoute({
  ...common,
  method: 'post',
  path: '/test/held/:amount',
  operationId: 'testHeld',
  params: amount,
  handler: async ({ params }) => {
    await getDb().execute('select 1');
    await delay(params.amount);
    return { status: 204 };
  },
});

/** Two locks in an order; two requests with opposite orders deadlock: `POST /test/locks/1/2`. */
const locks = defineRoute({
  ...common,
  method: 'post',
  path: '/test/locks/:first/:second',
  operationId: 'testLocks',
  params: order,
  repeatable: true,
  handler: async ({ params: { first, second } }) => {
    await getDb().execute('select pg_advisory_xact_lock(?::bigint)', [first]);
    await delay(LOCKED_MS);
    await getDb().execute('select pg_advisory_xact_lock(?::bigint)', [second]);
    return { status: 204 };
  },
});

/** A bug: `GET /test/broken` answers 500. */
const broken = defineRoute({
  ...common,
  method: 'get',
  path: '/test/broken',
  operationId: 'testBroken',
  handler: () => Promise.reject(new Error('bug: broken for a test')),
});

/** Routes that do what alerts are for. */
export const faultyRoutes: readonly Route[] = [statements, slow, held, locks, broken];
