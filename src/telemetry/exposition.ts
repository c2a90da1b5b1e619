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
  for (const metric of source.getMetricsAsArray()) {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter to prom-client
    shadow.registerMetric(shadowOf(metric as unknown as RenderedMetric) as unknown as Metric);
  }
  return { contentType: shadow.contentType, body: await shadow.metrics() };
}

/** What the renderer of prom-client 15 uses of a metric; it may change the name. */
interface RenderedMetric {
  name: string;
  readonly help: string;
  readonly type: unknown;
  get(): Promise<Snapshot>;
  /** Of histograms: labels that samples share are apart, and written once a child. */
  getForPromString?(): Promise<Snapshot>;
}

interface Snapshot {
  readonly values: readonly { readonly labels?: Readonly<Record<string, string | number>> }[];
}

function shadowOf(metric: RenderedMetric): RenderedMetric {
  const { name, help, type } = metric;
  const shadow: RenderedMetric = {
    name,
    help,
    type,
    async get() {
      const snapshot = await (metric.getForPromString?.() ?? metric.get());
      const values = snapshot.values.map((sample) => {
        const bound = sample.labels?.['le'];
        // Canonical floats: OpenMetrics asks for them, and Prometheus 3 makes them of both formats.
        return Number.isInteger(bound) ? { ...sample, labels: { le: `${bound}.0` } } : sample;
      });
      return { ...snapshot, name: shadow.name, values };
    },
  };
  return shadow;
}
