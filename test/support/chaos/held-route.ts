import { z } from 'zod';
import { getDb } from '#database/session-manager.ts';
import { defineRoute } from '#http/route.ts';

const HELD_MS = 4;

/** A route that holds a connection for a few milliseconds, or for those that are asked for: `GET /held?ms=3000`. */
export const heldRoute = defineRoute({
  method: 'get',
  path: '/held',
  operationId: 'holdConnection',
  summary: 'Hold a connection for a moment',
  tags: ['test'],
  query: z.strictObject({ ms: z.coerce.number().default(HELD_MS) }),
  responses: { 200: { description: 'It was held.', schema: z.strictObject({}) } },
  errors: [],
  handler: async ({ query: { ms } }) => {
    await getDb().execute('select pg_sleep(?)', [ms / 1000]);
    return { status: 200, body: {} };
  },
});
