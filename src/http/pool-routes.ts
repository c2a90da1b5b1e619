import { z } from 'zod';

import type { PoolVerdict } from '#database/pool/pool-report.ts';
import type { PoolsReport } from '#database/server/report-pool.ts';
import type { EvictedPools } from '#database/server/service-pools.ts';

import { sendJson } from './send-json.ts';
import type { ServiceRoute } from './service-route.ts';

const JSON_TYPE = 'application/json';

/** The pools as management sees them. */
export interface PoolSource {
  /** Answers within a second, whatever hangs. */
  report(): Promise<PoolsReport>;
  /** Retires every connection, those in use when they come back, and tells how many that were. */
  evict(): EvictedPools;
}

const VERDICTS = [
  'database down',
  'leaking',
  'database slow',
  'saturated',
  'healthy',
] as const satisfies readonly PoolVerdict[];

const fault = z.object({ code: z.string(), message: z.string() });
const ms = z.number().meta({ description: 'Milliseconds.' });

const serverSchema = z.object({
  state: z.string().optional().meta({ description: 'As in `pg_stat_activity`.' }),
  waitEventType: z.string().optional(),
  waitEvent: z.string().optional(),
  blockedBy: z.array(z.int()).meta({ description: 'Process ids of who has the locks.' }),
  queryMs: ms.optional(),
  transactionMs: ms.optional(),
});

const poolSchema = z.object({
  pool: z.string(),
  verdict: z.enum(VERDICTS),
  reason: z.string().meta({ description: 'The verdict as a sentence with its numbers.' }),
  max: z.int(),
  size: z.int(),
  idle: z.int(),
  used: z.int(),
  connecting: z.int(),
  waiting: z.int(),
  total: z.int(),
  leaked: z.int(),
  oldestWaitMs: ms,
  oldestUseMs: ms,
  holders: z.array(
    z.object({
      name: z.string().meta({ description: 'Method and route, or the name of the session.' }),
      traceId: z.string().optional(),
      heldMs: ms,
      pid: z.int().optional().meta({ description: "Process id of the server's backend." }),
      transaction: z.enum(['idle', 'open', 'failed', 'unknown']),
      lastQuery: z.string().optional().meta({ description: 'Its summary: `SELECT users`.' }),
      queryMs: ms.optional(),
      isLeaked: z.boolean(),
      stack: z.string().optional().meta({ description: 'Where the connection was leased.' }),
      server: serverSchema.optional(),
    }),
  ),
  waiters: z.array(z.object({ name: z.string(), traceId: z.string().optional(), waitedMs: ms })),
  connect: z.object({ mayTry: z.boolean(), lastError: fault.optional() }),
  server: z.object({ answer: z.enum(['given', 'failed', 'not asked']), error: fault.optional() }),
});

const reportSchema = poolSchema.extend({
  pools: z.array(poolSchema).meta({ description: 'The pools beside the main one.' }),
});

const evictedPoolSchema = z.object({ pool: z.string(), retired: z.int(), retiring: z.int() });
const evictedSchema = evictedPoolSchema.extend({ pools: z.array(evictedPoolSchema) });

/** `GET /pool` and `POST /pool/evict`: no session, so that an exhausted pool can be looked at and renewed. */
export function poolRoutes(pool: PoolSource): ServiceRoute[] {
  return [
    {
      method: 'get',
      path: '/pool',
      isQuiet: true,
      isGuarded: true,
      operationId: 'getPool',
      summary: 'Of every pool: who has the connections, who waits for one, and what is wrong',
      responses: {
        200: {
          description: 'The main pool now, and the others.',
          contentType: JSON_TYPE,
          schema: reportSchema,
        },
      },
      async handle(_request, response) {
        sendJson(response, 200, await pool.report());
      },
    },
    {
      method: 'post',
      path: '/pool/evict',
      isGuarded: true,
      operationId: 'evictPool',
      summary: 'Retire every connection of every pool, those in use when they come back',
      responses: {
        202: { description: 'Asked for.', contentType: JSON_TYPE, schema: evictedSchema },
      },
      handle(_request, response) {
        sendJson(response, 202, pool.evict());
      },
    },
  ];
}
