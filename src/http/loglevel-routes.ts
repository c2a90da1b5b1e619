import { z } from 'zod';

import type { LogLevel } from '#config/settings.ts';

import { invalidBody } from './http-error.ts';
import type { HttpLog } from './http-log.ts';
import type { JsonReader } from './read-json.ts';
import { sendJson } from './send-json.ts';
import type { ServiceRoute } from './service-route.ts';
import { validate } from './validate.ts';

/** A log whose level can be changed while it is used. */
export interface LeveledLog extends HttpLog {
  level: LogLevel;
}

/** From the one that says least to the one that says most. */
const LEVELS = [
  'silent',
  'fatal',
  'error',
  'warn',
  'info',
  'debug',
  'trace',
] as const satisfies readonly LogLevel[];

const levelSchema = z.strictObject({
  level: z.enum(LEVELS).meta({ description: 'Lines below it are not written.' }),
});

const RESPONSE = {
  description: 'The level now.',
  contentType: 'application/json',
  schema: levelSchema,
};

/** `GET` and `PUT /loglevel`: of this process, until it ends. */
export function logLevelRoutes(log: LeveledLog, readJson: JsonReader): ServiceRoute[] {
  return [
    {
      method: 'get',
      path: '/loglevel',
      isQuiet: true,
      isGuarded: true,
      operationId: 'getLogLevel',
      summary: 'The level of the log',
      responses: { 200: RESPONSE },
      handle(_request, response) {
        sendJson(response, 200, { level: log.level });
      },
    },
    {
      method: 'put',
      path: '/loglevel',
      isGuarded: true,
      operationId: 'setLogLevel',
      summary: 'Change the level of the log of this process, until it ends',
      body: levelSchema,
      responses: { 200: RESPONSE },
      async handle(request, response) {
        const body = validate(levelSchema, await readJson(request, response));
        if ('faults' in body) throw invalidBody(body.faults);
        changeLevel(log, body.value.level);
        sendJson(response, 200, { level: log.level });
      },
    },
  ];
}

/** Tells the change at whichever of both levels says more. */
function changeLevel(log: LeveledLog, to: LogLevel): void {
  const from = log.level;
  if (LEVELS.indexOf(to) > LEVELS.indexOf(from)) log.level = to;
  log.info({ event: 'log.level.changed', from, to }, 'the level of the log was changed');
  log.level = to;
}
