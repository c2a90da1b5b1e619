import express from 'express';
import type { Express, NextFunction, Request, Response } from 'express';

import type { Settings } from '#config/settings.ts';

import { docsRoutes } from './docs-routes.ts';
import type { Endpoint } from './endpoint.ts';
import { mountEndpoints } from './endpoint.ts';
import { healthRoutes } from './health-routes.ts';
import type { HealthSource } from './health-source.ts';
import { invalidRequest, notFound } from './http-error.ts';
import { FailureLog } from './failure-log.ts';
import type { HttpObserver } from './http-observer.ts';
import { InFlightLimit } from './in-flight-limit.ts';
import { managementAccess, noAccess } from './management-access.ts';
import type { ManagementSources } from './management-routes.ts';
import { managementRoutes } from './management-routes.ts';
import { observeRequests } from './observe-requests.ts';
import { openApiRoute } from './openapi-route.ts';
import type { ServiceInfo } from './openapi.ts';
import { createJsonReader } from './read-json.ts';
import { currentRequestScope, newRequestScope, untraced } from './request-scope.ts';
import type { SessionRunner } from './request-session.ts';
import type { RequestTracer } from './request-tracer.ts';
import { routeEndpoint } from './route-endpoint.ts';
import type { Route } from './route.ts';
import { crossOrigin, securityHeaders } from './security-headers.ts';
import { sendFailure } from './send-failure.ts';

/** What the management application is made of. */
export interface ManagementDependencies extends ManagementSources {
  readonly health: HealthSource;
  readonly settings: Pick<Settings, 'environment' | 'http' | 'management'>;
  readonly observer: HttpObserver;
  /** Absent: requests are not traced. */
  readonly tracer?: RequestTracer;
}

/** What the API is made of. */
export interface AppDependencies extends ManagementDependencies {
  readonly routes: readonly Route[];
  readonly sessionManager: SessionRunner;
  /** Sessions of the reporting database, while there is one. Absent: there is none. */
  readonly reporting?: () => SessionRunner | undefined;
  readonly info: ServiceInfo;
}

/**
 * The API as an Express application: every answer has its ids, every error is a problem, nothing is sent before it is
 * committed. Management shares it unless the settings give it a listener of its own.
 */
export function createApp(dependencies: AppDependencies): Express {
  const { routes, sessionManager: sessions, health, info, settings } = dependencies;
  const { reporting = () => undefined } = dependencies;
  const { environment, http, management } = settings;
  const readJson = createJsonReader(http.bodyLimitBytes);
  const services = {
    sessions,
    reporting,
    readJson,
    inFlight: new InFlightLimit(http.maxInFlight),
    requestTimeoutMs: http.requestTimeoutMs,
    streamTimeoutMs: http.streamTimeoutMs,
    checkReplies: environment !== 'production',
  };
  const isShared = management.listener === undefined;
  const hasAccess = isShared ? managementAccess(settings, { isOwnListener: false }) : noAccess;
  const serviceRoutes = [
    ...healthRoutes(health, hasAccess),
    ...(isShared ? managementRoutes(dependencies, hasAccess, readJson) : []),
    ...docsRoutes(),
  ];
  return createExpress(dependencies, http.corsOrigins, [
    ...serviceRoutes,
    openApiRoute(routes, serviceRoutes, info),
    ...routes.map((route) => routeEndpoint(route, services)),
  ]);
}

/** What the management listener serves: the probes, with their details, and all that shows the inside of the service. */
export function createManagementApp(dependencies: ManagementDependencies): Express {
  const hasAccess = managementAccess(dependencies.settings, { isOwnListener: true });
  const readJson = createJsonReader(dependencies.settings.http.bodyLimitBytes);
  return createExpress(
    dependencies,
    [],
    [
      ...healthRoutes(dependencies.health, hasAccess),
      ...managementRoutes(dependencies, hasAccess, readJson),
    ],
  );
}

function createExpress(
  {
    settings,
    log,
    observer,
    tracer = untraced,
  }: Pick<ManagementDependencies, 'settings' | 'log' | 'observer' | 'tracer'>,
  corsOrigins: readonly string[],
  endpoints: readonly Endpoint[],
): Express {
  const app = express();
  app.disable('x-powered-by');
  // Entity tags are the resources' own, and queries are parsed strictly where they are validated.
  app.disable('etag');
  app.set('query parser', false);
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  app.set('trust proxy', settings.http.trustProxy);

  app.use(
    observeRequests({ observer, log, tracer, trustTraceHeaders: settings.http.trustTraceHeaders }),
    ...securityHeaders(),
    ...crossOrigin(corsOrigins),
    requireHost,
  );
  mountEndpoints(app, endpoints);
  app.use(() => {
    throw notFound();
  });
  const failures = new FailureLog(log);
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const scope = currentRequestScope() ?? newRequestScope();
    sendFailure(error, response, scope, { method: request.method, log: failures });
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
