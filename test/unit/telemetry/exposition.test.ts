import {
  Counter,
  type OpenMetricsContentType,
  type PrometheusContentType,
  Registry,
} from 'prom-client';
import { describe, expect, it } from 'vitest';
import { renderExposition } from '#telemetry/exposition.ts';
import { Instruments } from '#telemetry/instruments.ts';
import { parseExposition } from '#test/support/exposition.ts';

describe('rendering', () => {
  it('escapes label values', async () => {
    const instruments = new Instruments();
    instruments.gauge('nodejs_active_resources').set({ type: 'a"b\\c\nd' }, 1);

    const bodies = await Promise.all([
      renderExposition(instruments.registry, 'text'),
      renderExposition(instruments.registry, 'openmetrics'),
    ]);

    const parsed = [
      parseExposition(bodies[0].body, 'text'),
      parseExposition(bodies[1].body, 'openmetrics'),
    ];
    expect(parsed.map(([family]) => family?.samples)).toEqual([
      [{ name: 'nodejs_active_resources', labels: { type: 'a"b\\c\nd' }, value: 1 }],
      [{ name: 'nodejs_active_resources', labels: { type: 'a"b\\c\nd' }, value: 1 }],
    ]);
  });

  it('of one registry in both formats by prom-client itself loses the names of counters', async () => {
    const registry: Registry<PrometheusContentType | OpenMetricsContentType> = new Registry();
    const counter = new Counter({ name: 'things_total', help: 'Things.', registers: [registry] });
    counter.inc();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    await registry.metrics();
    registry.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);

    const text = await registry.metrics();

    expect(() => parseExposition(text, 'text')).toThrow('counter not named _total');
  });
});

describe('the strict parser', () => {
  const family = '# HELP a A.\n# TYPE a gauge\n';
  const histogram = '# HELP h H.\n# TYPE h histogram\n';

  it.each([
    ['no line break at the end', `${family}a 1`],
    ['name is wrong or was there already', `${family}a 1\n${family}a{b="c"} 1\n`],
    ['series occurs twice', `${family}a 1\na 1\n`],
    ['sample of another family', `${family}b 1\n`],
    ['sample without family', 'a 1\n'],
    ['no sample', `${family}a one\n`],
    ['no sample', `${family}a Nan\n`],
    ['wrong labels', `${family}a{b="c" } 1\n`],
    ['wrong labels', `${family}a{b="c",b="d"} 1\n`],
    ['unknown type', '# HELP a A.\n# TYPE a thing\n'],
    ['type without its help', '# TYPE a gauge\n'],
    ['no +Inf', `${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`],
    ['not the count', `${histogram}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`],
    [
      'not cumulative',
      `${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    ],
    ['unordered', `${histogram}h_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`],
  ])('refuses what is wrong: %s', (fault, text) => {
    expect(() => parseExposition(text, 'text')).toThrow(fault);
  });

  const counter = '# HELP c C.\n# TYPE c counter\n';
  const bucket = (exemplar: string) =>
    `${histogram}h_bucket{le="0.5"} 0\nh_bucket{le="+Inf"} 1${exemplar}\nh_sum 1\nh_count 1\n# EOF\n`;

  it.each([
    ['no end mark', `${family}a 1\n`],
    ['empty line', `${family}a 1\n\n# EOF\n`],
    ['sample of another family', `${counter}c 1\n# EOF\n`],
    [
      'family of a counter named _total',
      `${counter.replaceAll(' c ', ' c_total ')}c_total 1\n# EOF\n`,
    ],
    ['less than nothing was counted', `${counter}c_total -1\n# EOF\n`],
    ['exemplar of what has none', `${family}a 1 # {trace_id="a"} 1 1700000000\n# EOF\n`],
    ['outside of its bucket', bucket(' # {trace_id="a"} 0.5 1700000000')],
    ['exemplar is too long', bucket(` # {trace_id="${'a'.repeat(121)}"} 1 1700000000`)],
    ['exemplar without its second', bucket(' # {trace_id="a"} 1 undefined')],
    ['exemplar without its second', bucket(' # {trace_id="a"} 1 1700000000000')],
    ['no sample', bucket(' # 1')],
    ['wrong labels', bucket(' # {trace_id=a} 1 1700000000')],
    ['bounds are not canonical', bucket('').replace('0.5', '1')],
  ])('refuses what is wrong in OpenMetrics: %s', (fault, text) => {
    expect(() => parseExposition(text, 'openmetrics')).toThrow(fault);
  });

  it('reads exemplars, and takes none in the text format', () => {
    const text = bucket(' # {trace_id="a",span_id="} # {"} 1.5 1700000000.123');

    const samples = parseExposition(text, 'openmetrics').flatMap((parsed) => parsed.samples);
    expect(samples.flatMap(({ exemplar }) => exemplar ?? [])).toEqual([
      { labels: { trace_id: 'a', span_id: '} # {' }, value: 1.5, timestamp: 1700000000.123 },
    ]);
    expect(() => parseExposition(text.replace('# EOF\n', ''), 'text')).toThrow('no exemplars');
  });
});
