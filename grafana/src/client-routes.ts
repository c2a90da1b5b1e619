/** Routes that clients use, as the objectives count them: a probe that is answered with 503 is no failed request. */
export const CLIENT_ROUTES = {
  http_route: {
    not: [
      '/livez',
      '/readyz',
      '/healthz',
      '/metrics',
      '/pool',
      '/pool/evict',
      '/pool/queries',
      '/info',
      '/loglevel',
    ],
  },
} as const;
