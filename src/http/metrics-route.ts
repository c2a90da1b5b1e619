import type { ServiceRoute } from './service-route.ts';

/** Whoever can write the metrics down in the format that `accept` asks for. */
export interface MetricsSource {
  render(
    accept: string | undefined,
  ): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** `/metrics`, for Prometheus. */
export function metricsRoute(metrics: MetricsSource): ServiceRoute {
  return {
    method: 'get',
    path: '/metrics',
    isQuiet: true,
    operationId: 'getMetrics',
    summary: 'Metrics in the Prometheus text format',
    responses: { 200: { description: 'The metrics.', contentType: 'text/plain' } },
    async handle(request, response) {
      const { contentType, body } = await metrics.render(request.get('Accept'));
      const length = Buffer.byteLength(body);
      response.setHeader('Vary', 'Accept');
      response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': length }).end(body);
    },
  };
}
