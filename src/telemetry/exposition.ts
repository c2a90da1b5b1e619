import {
  type Metric,
  type OpenMetricsContentType,
  type PrometheusContentType,
  Registry,
} from 'prom-client';
import type { ExpositionFormat } from './exposition-format.ts';

/** A scrape as it is sent. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/**
 * Renders what a registry holds, in either format, any number of times: into a registry of shadow
 * metrics made for this scrape and thrown away, since rendering OpenMetrics renames counters.
 */
export async function renderExposition(
  source: Registry<OpenMetricsContentType>,
  format: ExpositionFormat,
): Promise<Exposition> {
  const shadow = new Registry<PrometheusContentType | OpenMetricsContentType>();
  shadow.setContentType(
    format === 'openmetrics' ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
  );
  for (const metric of await source.getMetricsAsJSON()) {
    shadow.registerMetric(shadowMetric(metric));
  }
  return { contentType: shadow.contentType, body: await shadow.metrics() };
}

type Snapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];

/** What the renderer of prom-client 15 uses of a metric: its name, which it may change, and `get`. */
function shadowMetric(snapshot: Snapshot): Metric {
  const values = snapshot.values.map((sample) =>
    // Canonical floats: OpenMetrics asks for them, and Prometheus 3 makes them of both formats.
    Number.isInteger(sample.labels['le'])
      ? { ...sample, labels: { ...sample.labels, le: `${sample.labels['le']}.0` } }
      : sample,
  );
  const shadow = {
    ...snapshot,
    async get() {
      return { ...snapshot, name: shadow.name, values };
    },
  };
  // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter to prom-client
  return shadow as unknown as Metric;
}
