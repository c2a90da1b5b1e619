import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { getDb } from '#database/session-manager.ts';
import { currentRequestScope } from '#http/request-scope.ts';
import { defineRoute } from '#http/route.ts';

const idSchema = z.strictObject({ id: z.uuid() });
const seenSchema = z.array(z.string().nullable());

/** What a request found to be its own on its way, and what a variable that all share held then. */
export const echoSchema = z.strictObject({ own: seenSchema, shared: seenSchema });

const owners = new WeakMap<EntityManager, string>();
// What nobody should do: the negative control.
let shared: string | null = null;

/**
 * A route that says who it takes itself for: `POST /echo/:id`, with the same id as `X-Request-Id`. It looks after awaits,
 * timers and events, at its session, its request, and at what it left in its transaction on the server.
 */
export const echoRoute = defineRoute({
  method: 'post',
  path: '/echo/:id',
  operationId: 'echo',
  summary: 'Say who asks',
  tags: ['test'],
  params: idSchema,
  responses: { 200: { description: 'Who asks.', schema: echoSchema } },
  errors: [],
  handler: async ({ params: { id } }) => {
    const own: (string | null)[] = [];
    const seenShared: (string | null)[] = [];
    const look = () => {
      own.push(owners.get(getDb()) ?? null, currentRequestScope()?.requestId ?? null);
      seenShared.push(shared);
    };
    shared = id;
    owners.set(getDb(), id);
    await getDb().execute(`select set_config('chaos.id', ?, true)`, [id]);
    look();
    await delay(1);
    look();
    const emitter = new EventEmitter();
    setImmediate(() => emitter.emit('event'));
    await once(emitter, 'event');
    look();
    const [row] = await getDb().execute<{ id: string }[]>(
      `select current_setting('chaos.id') as id`,
    );
    own.push(row?.id ?? null);
    look();
    return { status: 200, body: { own, shared: seenShared } };
  },
});
