import express from 'express';
import type { Express, NextFunction, Request, Response } from 'express';

import type { Settings } from '#config/settings.ts';

import { docsRoutes } from './docs-routes.ts';
import { mountEndpoints } from './endpoint.ts';
import { healthRoutes } from './health-routes.ts';
import type { HealthSource } from './health-source.ts';
import { invalidRequest, notFound } from './http-error.ts';
import type { HttpLog } from './http-log.ts';
import type { HttpObserver } from './http-observer.ts';
import { InFlightLimit } from './in-flight-limit.ts';
import type { MetricsSource } from './metrics-route.ts';
import { metricsRoute } from './metrics-route.ts';
import { observeRequests } from './observe-requests.ts';
import { openApiRoute } from './openapi-route.ts';
import type { ServiceInfo } from './openapi.ts';
import { createJsonReader } from './read-json.ts';
import { currentRequestScope, newRequestScope } from './request-scope.ts';
import type { SessionRunner } from './request-session.ts';
import { routeEndpoint } from './route-endpoint.ts';
import type { Route } from './route.ts';
import { crossOrigin, securityHeaders } from './security-headers.ts';
import { sendFailure } from './send-failure.ts';

/** What an app is made of. */
export interface AppDependencies {
  readonly routes: readonly Route[];
  readonly sessionManager: SessionRunner;
  readonly health: HealthSource;
  readonly metrics: MetricsSource;
  readonly info: ServiceInfo;
  readonly settings: Pick<Settings, 'environment' | 'http' | 'management'>;
  readonly log: HttpLog;
  readonly observer: HttpObserver;
}

/** The API as an Express application: every answer has its ids, every error is a problem, nothing is sent before it is committed. */
export function createApp({
  routes,
  sessionManager: sessions,
  health,
  metrics,
  info,
  settings,
  log,
  observer,
}: AppDependencies): Express {
  const { environment, http } = settings;
  const app = express();
  app.disable('x-powered-by');
  // Entity tags are the resources' own, and queries are parsed strictly where they are validated.
  app.disable('etag');
  app.set('query parser', false);
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  app.set('trust proxy', http.trustProxy);

  app.use(
    observeRequests(observer, log),
    ...securityHeaders(),
    ...crossOrigin(http.corsOrigins),
    requireHost,
  );

  const services = {
    sessions,
    readJson: createJsonReader(http.bodyLimitBytes),
    inFlight: new InFlightLimit(http.maxInFlight),
    requestTimeoutMs: http.requestTimeoutMs,
    checkReplies: environment !== 'production',
  };
  const serviceRoutes = [...healthRoutes(health, settings), metricsRoute(metrics), ...docsRoutes()];
  mountEndpoints(app, [
    ...serviceRoutes,
    openApiRoute(routes, serviceRoutes, info),
    ...routes.map((route) => routeEndpoint(route, services)),
  ]);

  app.use(() => {
    throw notFound();
  });
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const scope = currentRequestScope() ?? newRequestScope();
    sendFailure(error, response, scope, { method: request.method, log });
  });
  return app;
}

// Node's own check answers without a body, so the server leaves it to us.
function requireHost(request: Request, _response: Response, next: NextFunction): void {
  if (request.httpVersion === '1.1' && request.headers.host === undefined) {
    throw invalidRequest('the Host header is missing');
  }
  next();
}
