import type { Request } from 'express';

import type { Settings } from '#config/settings.ts';

import { carriesToken } from './bearer-token.ts';
import { HttpError } from './http-error.ts';
import type { ServiceRoute } from './service-route.ts';

/** Whether a request may see the inside of the service. */
export type ManagementAccess = (request: Request) => boolean;

/** Nobody: for a listener that management has left. */
export const noAccess: ManagementAccess = () => false;

/**
 * The one rule for everything that reveals the inside of the service: open in development; elsewhere for whoever carries
 * the token. Without a token it is closed there, unless the listener is management's own.
 */
export function managementAccess(
  { environment, management }: Pick<Settings, 'environment' | 'management'>,
  { isOwnListener }: { readonly isOwnListener: boolean },
): ManagementAccess {
  if (environment === 'development') return () => true;
  const { token } = management;
  if (token === undefined) return () => isOwnListener;
  return (request) => carriesToken(request.get('Authorization'), token.reveal());
}

/** The same route, which throws `UNAUTHORIZED` for a request without access before anything else. */
export function guarded(route: ServiceRoute, hasAccess: ManagementAccess): ServiceRoute {
  return {
    ...route,
    handle(request, response) {
      if (hasAccess(request)) return route.handle(request, response);
      throw new HttpError('UNAUTHORIZED', { headers: { 'WWW-Authenticate': 'Bearer' } });
    },
  };
}
