import { z } from 'zod';
import { getDb } from '#database/session-manager.ts';
import { defineRoute } from '#http/route.ts';

const HELD_SECONDS = 0.004;

/** A route that holds a connection for a few milliseconds: `GET /held`. */
export const heldRoute = defineRoute({
  method: 'get',
  path: '/held',
  operationId: 'holdConnection',
  summary: 'Hold a connection for a moment',
  tags: ['test'],
  responses: { 200: { description: 'It was held.', schema: z.strictObject({}) } },
  errors: [],
  handler: async () => {
    await getDb().execute('select pg_sleep(?)', [HELD_SECONDS]);
    return { status: 200, body: {} };
  },
});
