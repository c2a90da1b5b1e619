/**
 * The service as `src/main.ts` starts it, with a report that is loaded as one array before it is answered. Run it as
 * `node whole-report-service.ts`, with the service's environment.
 */
import { z } from 'zod';
import { loadSettings } from '#config/load-settings.ts';
import { getDb } from '#database/session-manager.ts';
import { defineRoute } from '#http/route.ts';
import { buildService } from '#service.ts';

const wholeReport = defineRoute({
  method: 'get',
  path: '/whole/:days',
  operationId: 'wholeReport',
  summary: 'For a test.',
  tags: ['test'],
  params: z.strictObject({ days: z.coerce.number() }),
  responses: { 200: { description: 'All.', schema: z.object({ items: z.array(z.unknown()) }) } },
  errors: [],
  database: 'reporting',
  handler: async ({ params }) => ({
    status: 200,
    body: {
      items: await getDb().execute(
        `select (date '0001-01-01' + day)::text as start, 0 as signups from generate_series(0, ? - 1) as day`,
        [params.days],
      ),
    },
  }),
});

const { settings } = loadSettings();
const service = buildService(settings, { routes: [wholeReport] });
await service.start();
await service.ready();
service.log.info({ event: 'service.ready' }, 'ready');
