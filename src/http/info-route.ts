import { z } from 'zod';

import type { Finding } from '#database/self-check/finding.ts';
import type { SelfCheckResult } from '#database/self-check/self-check.ts';

import type { ManagementAccess } from './management-access.ts';
import { requireAccess } from './management-access.ts';
import { sendJson } from './send-json.ts';
import type { ServiceRoute } from './service-route.ts';

/** What is questionable: a setting, which has a message alone, or a finding of the self-check. */
export type InfoWarning =
  | { readonly source: 'settings'; readonly severity: 'warning'; readonly message: string }
  | ({ readonly source: 'self-check' } & Finding);

/** What runs here, with what, since when, and what is questionable about it. */
export interface InfoReport {
  readonly name: string;
  readonly version: string;
  readonly commit: string;
  readonly node: string;
  /** Null until the server has been seen. */
  readonly postgres: string | null;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly selfCheck: {
    readonly state: SelfCheckResult['state'];
    readonly checkedAt: string | null;
    readonly code: string | null;
  };
  readonly warnings: readonly InfoWarning[];
  /** Without secrets. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Where the report comes from: memory. */
export interface InfoSource {
  report(): InfoReport;
}

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

/** `GET /info`. */
export function infoRoute(source: InfoSource, hasAccess: ManagementAccess): ServiceRoute {
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
    handle(request, response) {
      requireAccess(request, hasAccess);
      sendJson(response, 200, source.report());
    },
  };
}
