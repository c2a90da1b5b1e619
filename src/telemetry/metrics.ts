import { Registry } from 'prom-client';
import type { DatabaseObserver } from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { createDatabaseMetrics, type DatabaseMetricsOptions } from './database-metrics.ts';
import { expositionFormat } from './exposition-format.ts';
import { type Exposition, renderExposition } from './exposition.ts';
import type { HostFiguresSource } from './host-metrics.ts';
import { createHttpMetrics, type HttpMetricsObserver } from './http-metrics.ts';
import { Instruments } from './instruments.ts';
import { createPostgresMetrics, type ServerFiguresSource } from './postgres-metrics.ts';
import { createProcessMetrics } from './process-metrics.ts';
import { createServiceMetrics, type ServiceFacts } from './service-metrics.ts';

/** Where the figures of a scrape come from. A function that throws makes only its gauges absent. */
export interface MetricsSources extends ServiceFacts, DatabaseMetricsOptions {
  readonly poolStats: () => readonly PoolStats[];
  readonly serverFigures: ServerFiguresSource;
  readonly hostFigures: HostFiguresSource;
  /** Templates of all routes: the values `http_route` may have. */
  readonly routes: readonly string[];
}

export interface Metrics {
  readonly httpObserver: HttpMetricsObserver;
  readonly databaseObserver: DatabaseObserver;
  /** The scrape in the format that an Accept header asks for; answer it with `Vary: Accept`. */
  render(accept: string | undefined): Promise<Exposition>;
  /** Stops what measures by itself; idempotent. What has been counted can still be rendered. */
  close(): void;
}

/** Metrics that are switched off: nothing is counted, and a scrape is empty text. */
export const noMetrics: Metrics = Object.freeze({
  httpObserver: { requestStarted: () => undefined, requestEnded: () => undefined },
  databaseObserver: {},
  render: () => Promise.resolve({ contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: '' }),
  close: () => undefined,
});

/** Creates the metrics of one service: every one of the catalogue, in a registry of its own. */
export function createMetrics(sources: MetricsSources): Metrics {
  const instruments = new Instruments();
  const http = createHttpMetrics(instruments, sources.routes);
  const database = createDatabaseMetrics(instruments, sources.poolStats, sources);
  const postgres = createPostgresMetrics(instruments, sources.serverFigures, sources.hostFigures);
  const service = createServiceMetrics(instruments, sources);
  const own = createProcessMetrics(instruments);
  return {
    httpObserver: http.observer,
    databaseObserver: database.observer,
    async render(accept) {
      // First, since it waits: the others are read when the rest is written.
      await postgres.collect();
      http.collect();
      database.collect();
      service.collect();
      own.collect();
      return renderExposition(instruments.registry, expositionFormat(accept));
    },
    close: () => own.close(),
  };
}
