import type { Express, Request, Response } from 'express';

import { HttpError } from './http-error.ts';
import { currentRequestScope } from './request-scope.ts';

/** Something mounted at a path. Routes of features and of the service itself both become endpoints. */
export interface Endpoint {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly path: string;
  /** Not logged while it succeeds. */
  readonly isQuiet?: boolean;
  handle(request: Request, response: Response): Promise<void> | void;
}

/** Mounts endpoints: HEAD wherever there is a GET, OPTIONS everywhere, and 405 with `Allow` for the rest. */
export function mountEndpoints(app: Express, endpoints: readonly Endpoint[]): void {
  const byPath = Map.groupBy(endpoints, ({ path }) => path);
  for (const [path, atPath] of byPath) {
    const byMethod = new Map(atPath.map((endpoint) => [endpoint.method.toUpperCase(), endpoint]));
    app.all(path, (request, response) => dispatch(path, byMethod, request, response));
  }
}

async function dispatch(
  path: string,
  byMethod: ReadonlyMap<string, Endpoint>,
  request: Request,
  response: Response,
): Promise<void> {
  const endpoint = byMethod.get(request.method === 'HEAD' ? 'GET' : request.method);
  const scope = currentRequestScope();
  if (scope !== undefined) {
    scope.route = path;
    scope.isQuiet = endpoint?.isQuiet ?? false;
  }
  const allow = allowHeader([...byMethod.keys()]);
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { Allow: allow }).end();
    return;
  }
  if (endpoint === undefined) {
    throw new HttpError('METHOD_NOT_ALLOWED', { headers: { Allow: allow } });
  }
  await endpoint.handle(request, response);
}

function allowHeader(methods: readonly string[]): string {
  const head = methods.includes('GET') ? ['HEAD'] : [];
  return [...methods, ...head, 'OPTIONS'].join(', ');
}
