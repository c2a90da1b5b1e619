import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { createDocument } from 'zod-openapi';

import type { ErrorCode } from './error-codes.ts';
import { statusOf } from './error-status.ts';
import { ERROR_TEXT } from './error-text.ts';
import { PROBLEM_TYPE, problemSchema } from './problem.ts';
import { READ_AFTER, readAfterParam } from './read-after.ts';
import type { Route } from './route.ts';
import type { ServiceRoute } from './service-route.ts';

/** What the document says of the service as a whole. */
export interface ServiceInfo {
  readonly name: string;
  readonly version: string;
}

type HeaderObject = {
  readonly description: string;
  readonly required?: true;
  readonly schema: { readonly type: 'string' };
};

const MANAGEMENT_SCHEME = 'management';

const JSON_TYPE = 'application/json';

/** What any route may answer, whatever it does. */
const COMMON_ERRORS = [
  'INPUT_INVALID',
  'NOT_ACCEPTABLE',
  'DB_POOL_TIMEOUT',
  'DB_UNAVAILABLE',
  'OVERLOADED',
  'REQUEST_TIMEOUT',
  'INTERNAL',
] as const satisfies readonly ErrorCode[];

/** Of a body of the service's own endpoints. */
const SERVICE_BODY_ANSWERS = [
  { code: 'INPUT_INVALID', status: 400 },
  { code: 'PAYLOAD_TOO_LARGE', status: 413 },
  { code: 'UNSUPPORTED_MEDIA_TYPE', status: 415 },
  { code: 'INPUT_INVALID', status: 422 },
] as const;

const BODY_ERRORS = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;
const WRITE_ERRORS = ['DB_COMMIT_UNKNOWN'] as const;
const REPORTING_ERRORS = ['NOT_CONFIGURED'] as const;

const STREAMED =
  'Sent as it is read: when the server fails after its beginning, the connection is cut, and what has arrived is no JSON.';

/** On every answer; described once. */
const ID_HEADERS: Readonly<Record<string, HeaderObject>> = {
  'X-Request-Id': {
    description: "Finds the request in the log; the caller's own is kept when it is plain.",
    schema: { type: 'string' },
  },
  'X-Trace-Id': { description: 'W3C trace id of the request.', schema: { type: 'string' } },
};

/** On answers of sessions that succeeded; on failures where they had come to a session. */
const SESSION_HEADERS: Readonly<Record<string, HeaderObject>> = {
  'Server-Timing': {
    description:
      'What the database took: `db;dur=<ms>;desc="<n> queries", pool;dur=<ms>`, the second for the wait for a connection. On failures, too, when the database had been used.',
    schema: { type: 'string' },
  },
};

/** On answers of writes, where there are replicas. */
const WRITE_HEADERS: Readonly<Record<string, HeaderObject>> = {
  [READ_AFTER]: {
    description:
      'Where the service reads from replicas: sent with a request that reads, it makes sure that the answer shows this write.',
    schema: { type: 'string' },
  },
};

const idHeaderRefs = refsOf(ID_HEADERS);
const sessionHeaderRefs = refsOf({ ...ID_HEADERS, ...SESSION_HEADERS });

function refsOf(headers: Readonly<Record<string, HeaderObject>>): Record<string, { $ref: string }> {
  return Object.fromEntries(
    Object.keys(headers).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

/** The API as OpenAPI 3.1, from the very schemas that validate. */
export function openApiDocument(
  routes: readonly Route[],
  serviceRoutes: readonly ServiceRoute[],
  { name, version }: ServiceInfo,
): ReturnType<typeof createDocument> {
  const operations = [
    ...routes.map((route) => ({ ...route, operation: operationOf(route) })),
    ...serviceRoutes.map((route) => ({ ...route, operation: serviceOperationOf(route) })),
  ];
  const byPath = Map.groupBy(operations, ({ path }) => path.replaceAll(/:(\w+)/g, '{$1}'));
  const paths = Object.fromEntries(
    [...byPath].map(([path, atPath]) => [
      path,
      Object.fromEntries(atPath.map(({ method, operation }) => [method, operation])),
    ]),
  );
  return createDocument({
    openapi: '3.1.1',
    info: { title: name, version },
    servers: [{ url: '/' }],
    paths,
    components: {
      headers: { ...ID_HEADERS, ...SESSION_HEADERS },
      securitySchemes: {
        [MANAGEMENT_SCHEME]: {
          type: 'http',
          scheme: 'bearer',
          description: 'The management token; asked for in production.',
        },
      },
    },
  });
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const { operationId, summary, tags, params, query, body } = route;
  return {
    operationId,
    summary,
    tags: [...tags],
    requestParams: {
      ...(params instanceof z.ZodObject ? { path: params } : {}),
      ...(query instanceof z.ZodObject ? { query } : {}),
      ...headerParams(route),
    },
    ...requestBodyOf(body),
    responses: { ...successesOf(route), ...failuresOf(route) },
  };
}

function requestBodyOf(
  body: z.ZodType | undefined,
): Pick<ZodOpenApiOperationObject, 'requestBody'> {
  return body === undefined
    ? {}
    : { requestBody: { required: true, content: { [JSON_TYPE]: { schema: body } } } };
}

function headerParams({ method, database, etag, errors }: Route): { header?: z.ZodObject } {
  const headers = {
    ...(method === 'get' && database === undefined ? { [READ_AFTER]: readAfterParam } : {}),
    ...(etag === true
      ? {
          'If-None-Match': z
            .string()
            .optional()
            .meta({ description: '304 when it names the present entity tag.' }),
        }
      : {}),
    ...(errors.includes('PRECONDITION_FAILED')
      ? {
          'If-Match': z
            .string()
            .optional()
            .meta({ description: '412 unless it names the present entity tag, or is *.' }),
        }
      : {}),
  };
  return Object.keys(headers).length === 0 ? {} : { header: z.object(headers) };
}

function successesOf({
  method,
  responses,
  etag,
  streams,
}: Route): Record<string, ZodOpenApiResponseObject> {
  const declared = Object.entries(responses).map(([status, { description, schema, headers }]) => [
    status,
    {
      description: streams === true ? `${description} ${STREAMED}` : description,
      headers: {
        ...sessionHeaderRefs,
        ...(method !== 'get' && WRITE_HEADERS),
        ...headerObjects(headers),
      },
      ...(schema === undefined ? {} : { content: { [JSON_TYPE]: { schema } } }),
    },
  ]);
  return {
    ...Object.fromEntries(declared),
    ...(etag === true
      ? { 304: { description: 'Not changed since it was read.', headers: sessionHeaderRefs } }
      : {}),
  };
}

function headerObjects(
  headers: Readonly<Record<string, string>> = {},
): Record<string, HeaderObject> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, required: true, schema: { type: 'string' } },
    ]),
  );
}

function failuresOf({
  errors,
  body,
  method,
  database,
}: Route): Record<string, ZodOpenApiResponseObject> {
  const codes = new Set<ErrorCode>([
    ...COMMON_ERRORS,
    ...(body === undefined ? [] : BODY_ERRORS),
    ...(method === 'get' ? [] : WRITE_ERRORS),
    ...(database === undefined ? [] : REPORTING_ERRORS),
    ...errors,
  ]);
  const answers = [...codes].map((code) => ({
    code,
    status: statusOf(code, method.toUpperCase()),
  }));
  if (body !== undefined) answers.push({ code: 'INPUT_INVALID', status: 422 });
  return failureResponses(answers);
}

function failureResponses(
  answers: readonly { readonly code: ErrorCode; readonly status: number }[],
): Record<string, ZodOpenApiResponseObject> {
  return Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, atStatus]) => [
      status,
      {
        description: atStatus
          .map(({ code }) => `\`${code}\`: ${ERROR_TEXT[code].title}.`)
          .join(' '),
        headers: {
          ...idHeaderRefs,
          ...(status === 503 && headerObjects({ 'Retry-After': 'Seconds.' })),
          ...(status === 401 && headerObjects({ 'WWW-Authenticate': '`Bearer`.' })),
        },
        content: { [PROBLEM_TYPE]: { schema: problemSchema } },
      },
    ]),
  );
}

function serviceOperationOf({
  operationId,
  summary,
  query,
  body,
  responses,
  isGuarded = false,
}: ServiceRoute): ZodOpenApiOperationObject {
  return {
    operationId,
    summary,
    tags: ['service'],
    ...(query !== undefined && { requestParams: { query } }),
    ...requestBodyOf(body),
    ...(isGuarded && { security: [{}, { [MANAGEMENT_SCHEME]: [] }] }),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([status, { description, contentType, schema }]) => [
          status,
          {
            description,
            headers: idHeaderRefs,
            content: { [contentType]: { schema: schema ?? { type: 'string' } } },
          },
        ]),
      ),
      ...failureResponses([
        ...(isGuarded ? [{ code: 'UNAUTHORIZED', status: 401 } as const] : []),
        ...(query === undefined ? [] : [{ code: 'INPUT_INVALID', status: 400 } as const]),
        ...(body === undefined ? [] : SERVICE_BODY_ANSWERS),
      ]),
    },
  };
}
