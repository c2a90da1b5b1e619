import type { Response } from 'express';
import { z } from 'zod';

import type { HealthSnapshot, HealthSource, HealthState } from './health-source.ts';
import type { ManagementAccess } from './management-access.ts';
import type { ServiceRoute } from './service-route.ts';

const HEALTH_TYPE = 'application/health+json';
const JSON_TYPE = 'application/json';

/** Busy is not broken: a saturated instance still wants its share of the traffic. */
const STATUS_OF_STATE: Readonly<Record<HealthState, 'pass' | 'warn' | 'fail'>> = {
  starting: 'fail',
  up: 'pass',
  saturated: 'warn',
  down: 'fail',
  migrations_pending: 'fail',
  read_only: 'fail',
  draining: 'fail',
};

const checkStatus = z.enum(['pass', 'warn', 'fail']);

const liveSchema = z.object({ status: z.literal('live') });

const readySchema = z.object({
  status: z.enum([
    'starting',
    'up',
    'saturated',
    'down',
    'migrations_pending',
    'read_only',
    'draining',
  ]),
});

const healthSchema = z.object({
  status: checkStatus,
  output: z.string().optional().meta({ description: 'Why. Not for strangers.' }),
  code: z.string().optional(),
  checks: z.record(
    z.string(),
    z.array(
      z.looseObject({
        status: checkStatus,
        time: z.string().optional(),
        output: z.string().optional(),
        code: z.string().optional(),
      }),
    ),
  ),
});

/** `/livez`, `/readyz` and `/healthz`: answered from memory, without a session; details for whoever has access. */
export function healthRoutes(health: HealthSource, hasAccess: ManagementAccess): ServiceRoute[] {
  return [
    {
      method: 'get',
      path: '/livez',
      isQuiet: true,
      operationId: 'getLiveness',
      summary: 'Whether the process can answer; never asks the database',
      responses: {
        200: { description: 'Live.', contentType: JSON_TYPE, schema: liveSchema },
      },
      handle(_request, response) {
        sendJson(response, 200, JSON_TYPE, { status: 'live' });
      },
    },
    {
      method: 'get',
      path: '/readyz',
      isQuiet: true,
      operationId: 'getReadiness',
      summary: 'Whether the instance wants traffic',
      responses: {
        200: { description: '`up` or `saturated`.', contentType: JSON_TYPE, schema: readySchema },
        503: { description: 'Any other state.', contentType: JSON_TYPE, schema: readySchema },
      },
      handle(_request, response) {
        const { state } = health.snapshot();
        const status = STATUS_OF_STATE[state] === 'fail' ? 503 : 200;
        sendJson(response, status, JSON_TYPE, { status: state });
      },
    },
    {
      method: 'get',
      path: '/healthz',
      isQuiet: true,
      operationId: 'getHealth',
      summary: 'What is checked and what was found; reasons only with access to management',
      responses: {
        200: { description: '`pass` or `warn`.', contentType: HEALTH_TYPE, schema: healthSchema },
        503: { description: '`fail`.', contentType: HEALTH_TYPE, schema: healthSchema },
      },
      handle(request, response) {
        const body = healthBody(health.snapshot(), hasAccess(request));
        sendJson(response, body.status === 'fail' ? 503 : 200, HEALTH_TYPE, body);
      },
    },
  ];
}

function healthBody(
  { state, code, message, checks }: HealthSnapshot,
  isDetailed: boolean,
): z.output<typeof healthSchema> {
  const findings = Object.entries(checks);
  const isPale = findings.some(([, { status }]) => status !== 'pass');
  const status = STATUS_OF_STATE[state] === 'pass' && isPale ? 'warn' : STATUS_OF_STATE[state];
  return {
    status,
    ...(isDetailed ? { output: message, ...(code === undefined ? {} : { code }) } : {}),
    checks: Object.fromEntries(
      findings.map(([name, check]) => [
        name,
        [isDetailed ? { ...check } : { status: check.status }],
      ]),
    ),
  };
}

function sendJson(response: Response, status: number, contentType: string, body: object): void {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  if (status === 503) response.setHeader('Retry-After', '1');
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': length }).end(text);
}
