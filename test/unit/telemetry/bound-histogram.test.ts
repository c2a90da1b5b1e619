import { Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { bindHistogram } from '#telemetry/bound-histogram.ts';
import { renderExposition } from '#telemetry/exposition.ts';
import { parseExposition } from '#test/support/exposition.ts';

const BOUNDS = [0.0005, 0.1, 1, 10];
const SAMPLED = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true };

function subject(name = 'h') {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const histogram = new Histogram({
    name,
    help: 'H.',
    labelNames: ['a', 'b'],
    buckets: BOUNDS,
    registers: [registry],
    enableExemplars: true,
  });
  const read = async (format: 'text' | 'openmetrics') =>
    parseExposition((await renderExposition(registry, format)).body, format).flatMap(
      ({ samples }) => samples,
    );
  return { histogram, registry, read };
}

describe('a bound histogram', () => {
  it('counts as the children of prom-client do', async () => {
    const own = subject();
    const theirs = subject();
    const labels = { a: 'x', b: '' };
    const values = [0, 0.0005, 0.0006, 0.1, 0.5, 1, 9.99, 10, 10.01, 1e9];
    const child = bindHistogram(own.histogram, labels, BOUNDS);
    const child15 = theirs.histogram.labels(labels);

    for (const value of values) {
      child.observe(value);
      child15.observe(value);
    }

    expect(await own.read('text')).toEqual(await theirs.read('text'));
    expect(await own.read('openmetrics')).toEqual(await theirs.read('openmetrics'));
  });

  it('is there at 0 from the moment it is bound', async () => {
    const { histogram, read } = subject();

    bindHistogram(histogram, { a: 'x', b: 'y' }, BOUNDS);

    expect((await read('text')).map(({ value }) => value)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('keeps sets of labels apart', async () => {
    const { histogram, read } = subject();
    const one = bindHistogram(histogram, { a: 'x', b: 'y' }, BOUNDS);
    bindHistogram(histogram, { a: 'y', b: 'x' }, BOUNDS);

    one.observe(0.2);

    const counts = (await read('text')).filter(({ name }) => name === 'h_count');
    expect(counts.map(({ labels, value }) => [labels['a'], value])).toEqual([
      ['x', 1],
      ['y', 0],
    ]);
  });

  it('keeps the last recorded trace of each bucket as its exemplar', async () => {
    const { histogram, read } = subject();
    const child = bindHistogram(histogram, { a: 'x', b: 'y' }, BOUNDS);

    child.observe(0.2, { ...SAMPLED, traceId: 'c'.repeat(32) });
    child.observe(0.3, SAMPLED);
    child.observe(11, SAMPLED);

    const exemplars = (await read('openmetrics')).map(({ labels, exemplar }) => [
      labels['le'],
      exemplar?.value,
      exemplar?.labels,
    ]);
    const named = { trace_id: SAMPLED.traceId, span_id: SAMPLED.spanId };
    expect(exemplars.filter(([, value]) => value !== undefined)).toEqual([
      ['1.0', 0.3, named],
      ['+Inf', 11, named],
    ]);
  });

  it('has no exemplar of what is not recorded', async () => {
    const { histogram, registry } = subject();
    const child = bindHistogram(histogram, { a: 'x', b: 'y' }, BOUNDS);

    child.observe(0.2, { ...SAMPLED, isSampled: false });
    child.observe(0.2, { traceId: SAMPLED.traceId });
    child.observe(0.2);

    const { body } = await renderExposition(registry, 'openmetrics');
    expect(body).not.toContain('trace_id');
  });

  it('shows exemplars in OpenMetrics only, a hundred times in turn', async () => {
    const { histogram, registry, read } = subject();
    bindHistogram(histogram, { a: 'x', b: 'y' }, BOUNDS).observe(0.2, SAMPLED);

    for (let round = 0; round < 100; round += 1) {
      expect((await renderExposition(registry, 'text')).body).not.toContain('trace_id');
      const samples = await read('openmetrics');
      expect(samples.filter(({ exemplar }) => exemplar !== undefined)).toHaveLength(1);
    }
  });
});
