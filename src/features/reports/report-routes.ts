import { defineRoute, type Route } from '#http/route.ts';
import { rangeOf } from './signup-range.ts';
import { signupQuery, signupReportSchema } from './signup-schema.ts';
import { countSignups } from './signup-service.ts';

/** The endpoints of reports, counted by the role that can only read. */
export const reportRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/reports/signups',
    operationId: 'reportSignups',
    summary: 'Count new users by day, week or month',
    tags: ['reports'],
    query: signupQuery,
    responses: {
      200: { description: 'Every period of the range in order.', schema: signupReportSchema },
    },
    errors: ['INPUT_INVALID', 'DB_QUERY_TIMEOUT'],
    database: 'reporting',
    streams: true,
    handler: async ({ query }) => {
      const range = rangeOf(query, new Date());
      const { from, to, interval } = range;
      return {
        status: 200,
        body: { from: from.toISOString(), to: to.toISOString(), interval },
        items: countSignups(range),
      };
    },
  }),
];
