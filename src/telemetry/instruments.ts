import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { bindHistogram, type HistogramChild } from './bound-histogram.ts';
import { METRICS, type MetricName } from './metric-catalogue.ts';
import type { MetricDefinition } from './metric-definition.ts';
import { SeriesBudget } from './series-budget.ts';

type NameOf<T extends MetricDefinition['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];
type LabelOf<N extends MetricName> = keyof (typeof METRICS)[N]['labels'] & string;

/**
 * Makes instruments of the catalogue in a registry of its own, so that two services live in one
 * process. The registry is typed OpenMetrics, which alone allows exemplars, and never rendered:
 * prom-client strips `_total` for good when it renders that format.
 */
export class Instruments {
  readonly budget = new SeriesBudget();
  readonly registry = new Registry<OpenMetricsContentType>();

  constructor() {
    this.registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  }

  counter<N extends NameOf<'counter'>>(name: N): Counter<LabelOf<N>> {
    return new Counter(this.#configuration(name));
  }

  gauge<N extends NameOf<'gauge'>>(name: N): Gauge<LabelOf<N>> {
    return new Gauge(this.#configuration(name));
  }

  /** Binds the labels of a histogram, each set of them once. */
  histogram<N extends NameOf<'histogram'>>(
    name: N,
  ): (labels: Record<LabelOf<N>, string>) => HistogramChild {
    const { buckets } = METRICS[name];
    const histogram = new Histogram({
      ...this.#configuration(name),
      buckets: [...buckets],
      enableExemplars: true,
    });
    return (labels) => bindHistogram(histogram, labels, buckets);
  }

  #configuration<N extends MetricName>(name: N) {
    const labelNames: LabelOf<N>[] = Object.keys(METRICS[name].labels).filter(
      (label): label is LabelOf<N> => label !== '',
    );
    return { name, help: METRICS[name].help, labelNames, registers: [this.registry] };
  }
}
