import { z } from 'zod';

import type { ServiceInfo } from './openapi.ts';
import { openApiDocument } from './openapi.ts';
import type { Route } from './route.ts';
import type { ServiceRoute } from './service-route.ts';

/** `/openapi.json`, itself included; generated once. */
export function openApiRoute(
  routes: readonly Route[],
  serviceRoutes: readonly ServiceRoute[],
  info: ServiceInfo,
): ServiceRoute {
  const description = {
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApi',
    summary: 'This description',
    responses: {
      200: {
        description: 'OpenAPI 3.1.',
        contentType: 'application/json',
        schema: z.looseObject({ openapi: z.string() }),
      },
    },
  } as const;
  const self: ServiceRoute = {
    ...description,
    handle(_request, response) {
      response.type('application/json').send(text);
    },
  };
  const text = JSON.stringify(openApiDocument(routes, [...serviceRoutes, self], info));
  return self;
}
