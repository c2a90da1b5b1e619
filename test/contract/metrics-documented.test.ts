import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { METRICS } from '#telemetry/metric-catalogue.ts';
import type { MetricDefinition } from '#telemetry/metric-definition.ts';

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
const catalogue: [string, MetricDefinition][] = Object.entries(METRICS);

function rowOf([name, definition]: [string, MetricDefinition]): string {
  const labels = Object.entries(definition.labels).map(
    ([label, values]) =>
      `\`${label}\`: ${typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ')}`,
  );
  const { type, unit, help } = definition;
  return ['', `\`${name}\``, type, unit, labels.join('; ') || 'none', help, ''].join(' | ').trim();
}

describe('docs/metrics.md', () => {
  it('lists exactly the catalogue: name, type, unit, labels and meaning', () => {
    // The formatter pads columns.
    const rows = page.match(/^\| `.*$/gm) ?? [];
    const documented = rows.map((row) => row.replaceAll(/ +/g, ' '));

    expect(documented.toSorted()).toEqual(catalogue.map(rowOf).toSorted());
  });

  it('names the buckets of every histogram', () => {
    const missing = catalogue.filter(
      ([, { buckets, unit }]) =>
        buckets !== undefined && !page.includes(`${buckets.join(', ')} ${unit}`),
    );

    expect(missing).toEqual([]);
  });
});

describe('the catalogue', () => {
  it('names metrics as Prometheus wants them', () => {
    const gaugesOfPromClient = /^nodejs_active_(?:handles|requests|resources)_total$/;
    const wrong = catalogue.filter(
      ([name, { type, unit }]) =>
        !/^[a-z][a-z0-9_]*$/.test(name) ||
        (name.endsWith('_total') !== (type === 'counter') && !gaugesOfPromClient.test(name)) ||
        (['seconds', 'bytes'].includes(unit) && !name.replace(/_total$/, '').endsWith(`_${unit}`)),
    );

    expect(wrong).toEqual([]);
  });

  it('explains each metric in one sentence that both formats can carry', () => {
    const wrong = catalogue.filter(([, { help }]) => !/^[A-Z][^"\\\n|]*\.$/.test(help));

    expect(wrong).toEqual([]);
  });

  it('has ascending buckets on histograms, and on nothing else', () => {
    const wrong = catalogue.filter(
      ([, { type, buckets }]) =>
        (type === 'histogram') !== (buckets !== undefined) ||
        buckets?.some((bound, at) => at > 0 && bound <= (buckets[at - 1] ?? 0)) === true,
    );

    expect(wrong).toEqual([]);
  });

  it('has buckets at the limits of the service level objectives', () => {
    const { buckets } = METRICS.http_server_request_duration_seconds;

    expect(buckets).toEqual(expect.arrayContaining([0.1, 0.5]));
    expect(METRICS.db_session_duration_seconds.buckets).toEqual(
      expect.arrayContaining([0.0005, 0.1, 0.5]),
    );
  });
});
