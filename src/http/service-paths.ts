/** Every path of the service's own, for whoever must know the closed set of routes before there is an app. */
export const SERVICE_PATHS = [
  '/livez',
  '/readyz',
  '/healthz',
  '/metrics',
  '/pool',
  '/pool/evict',
  '/pool/queries',
  '/info',
  '/loglevel',
  '/openapi.json',
  '/docs',
  '/docs/errors.md',
  '/docs/initializer.js',
  '/docs/swagger-ui.css',
  '/docs/swagger-ui-bundle.js',
] as const;
