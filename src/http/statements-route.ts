import { z } from 'zod';

import type { TopStatementsFault, TopStatementsReport } from '#database/server/top-statements.ts';

import { invalidRequest } from './http-error.ts';
import { limitParam } from './pagination.ts';
import { parseQuery } from './parse-query.ts';
import { sendJson } from './send-json.ts';
import type { ServiceRoute } from './service-route.ts';
import { validate } from './validate.ts';

/** Lists the statements that cost the server most. Answers within a second, whatever hangs. */
export type StatementsSource = (limit: number) => Promise<TopStatementsReport>;

const FAULTS = [
  'not_created',
  'not_loaded',
  'outdated',
  'refused',
  'failed',
  'pooler',
] as const satisfies readonly TopStatementsFault[];

const querySchema = z.strictObject({ limit: limitParam });
const ms = z.number().meta({ description: 'Milliseconds.' });
const share = z.number().min(0).max(1);

const statementSchema = z.object({
  queryId: z.string().optional().meta({ description: 'As in `pg_stat_statements`.' }),
  sql: z.string().meta({ description: 'Without values.' }),
  calls: z.number(),
  rows: z.number(),
  totalMs: ms,
  meanMs: ms,
  maxMs: ms,
  share: share.meta({ description: 'Of the time of all statements of the database.' }),
  cacheHitShare: share.optional(),
});

// One shape, so that whoever reads the list need not look at the state first.
const reportSchema = z.object({
  state: z.enum(['available', 'unavailable']),
  since: z.iso.datetime().optional().meta({ description: 'Since when they are counted.' }),
  fault: z.enum(FAULTS).optional().meta({ description: 'Why there are none.' }),
  advice: z.string().optional().meta({ description: 'What to do about it.' }),
  statements: z.array(statementSchema),
});

/** `GET /pool/queries`: no session, so that it is answered while the pool is exhausted by one of them. */
export function statementsRoute(topStatements: StatementsSource): ServiceRoute {
  return {
    method: 'get',
    path: '/pool/queries',
    isQuiet: true,
    isGuarded: true,
    operationId: 'listTopStatements',
    summary: 'The statements that cost the database most, where `pg_stat_statements` is there',
    query: querySchema,
    responses: {
      200: {
        description:
          'Those that took most of its time, the longest first; or why they are not known.',
        contentType: 'application/json',
        schema: reportSchema,
      },
    },
    async handle(request, response) {
      const query = validate(querySchema, parseQuery(request.url));
      if ('faults' in query) throw invalidRequest('the query is not valid', query.faults);
      sendJson(response, 200, await topStatements(query.value.limit));
    },
  };
}
