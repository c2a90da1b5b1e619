import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

import { READ_AFTER } from './read-after.ts';

/** Headers of ours that a script of another origin may read. */
const EXPOSED_HEADERS = [
  'ETag',
  'Location',
  READ_AFTER,
  'Retry-After',
  'X-Request-Id',
  'X-Trace-Id',
];

/** Headers that keep browsers from guessing, framing, caching and running anything. HSTS is for whoever ends TLS. */
export function securityHeaders(): RequestHandler[] {
  return [
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      },
      strictTransportSecurity: false,
      xFrameOptions: { action: 'deny' },
    }),
    (_request, response, next) => {
      response.setHeader('Cache-Control', 'no-store');
      next();
    },
  ];
}

/** Lets scripts of `origins` call the API; empty = none, and not a header is sent. */
export function crossOrigin(origins: readonly string[]): RequestHandler[] {
  if (origins.length === 0) return [];
  return [
    cors({
      origin: [...origins],
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: EXPOSED_HEADERS,
      maxAge: 600,
      // OPTIONS is answered by the path it is asked of, which knows its methods.
      preflightContinue: true,
    }),
  ];
}
