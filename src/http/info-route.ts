import { z } from 'zod';

import { sendJson } from './send-json.ts';
import type { ServiceRoute } from './service-route.ts';

const reportSchema = z.object({
  name: z.string(),
  version: z.string(),
  commit: z.string(),
  node: z.string().meta({ description: 'Version of Node.' }),
  postgres: z.string().nullable().meta({ description: 'Version of the server; null until seen.' }),
  startedAt: z.iso.datetime(),
  uptimeSeconds: z.number(),
  selfCheck: z.object({
    state: z.enum(['pending', 'done', 'failed']),
    checkedAt: z.iso.datetime().nullable(),
    code: z.string().nullable().meta({ description: 'Why it failed.' }),
  }),
  warnings: z.array(
    z.object({
      source: z.enum(['settings', 'self-check']),
      severity: z.enum(['error', 'warning', 'info']),
      id: z.string().optional().meta({ description: 'Of a finding; docs/operations.md has all.' }),
      message: z.string(),
      advice: z.string().optional(),
    }),
  ),
  settings: z.record(z.string(), z.unknown()).meta({ description: 'Effective, without secrets.' }),
});

/** What runs here, with what, since when, and what is questionable about it: a setting, or a finding of the self-check. */
export type InfoReport = Readonly<z.output<typeof reportSchema>>;

/** `GET /info`; the report comes from memory. */
export function infoRoute(report: () => InfoReport): ServiceRoute {
  return {
    method: 'get',
    path: '/info',
    isQuiet: true,
    isGuarded: true,
    operationId: 'getInfo',
    summary: 'What runs here, with which settings, and what is questionable about them',
    responses: {
      200: {
        description: 'The service now.',
        contentType: 'application/json',
        schema: reportSchema,
      },
    },
    handle(_request, response) {
      sendJson(response, 200, report());
    },
  };
}
