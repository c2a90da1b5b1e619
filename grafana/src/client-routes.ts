/** What operators ask, and no client: a probe that is answered with 503 is no failed request. */
const OPERATORS = [
  '/livez',
  '/readyz',
  '/healthz',
  '/metrics',
  '/pool',
  '/pool/evict',
  '/pool/queries',
  '/info',
  '/loglevel',
] as const;

/** Routes that clients use, as the objective of availability counts them. */
export const CLIENT_ROUTES = { http_route: { not: OPERATORS } } as const;

/** Those of them that have an objective for their time: a report takes what it takes. */
export const TIMED_ROUTES = { http_route: { not: [...OPERATORS, '/reports/.+'] } } as const;
