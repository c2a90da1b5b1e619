import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { comparedExpressions } from '#test/support/system/compared-expressions.ts';
import {
  quickAlertmanager,
  quickExpression,
  quickPrometheus,
  quickRules,
} from '#test/support/system/quick-config.ts';

describe('the monitoring of a test', () => {
  it.each([
    ['rate(a_total[5m]) > 0.5', 'rate(a_total[25s]) > 0.5'],
    ['a offset 1h > 3', 'a offset 300s > 3'],
    ['max_over_time(a[1h30m:1m]) or b{c="[5m]"}', 'max_over_time(a[450s:5s]) or b{c="[5m]"}'],
    ['increase(a_total[10s])', 'increase(a_total[1s])'],
    ['a / (b > 0)', 'a / (b > 0)'],
  ])('looks back less far: %s', (expression, quick) => {
    expect(quickExpression(expression)).toBe(quick);
  });

  it('waits two seconds where the rules wait for minutes, and not where they do not', () => {
    const rules = quickRules(`
groups:
  - name: a
    interval: 30s
    rules:
      - { alert: Slow, expr: 'rate(a_total[2m]) > 1', for: 10m, labels: { severity: critical } }
      - { alert: Soon, expr: b > 1, for: 0m }
      - { record: 'c:rate1m', expr: 'rate(c_total[1m])' }
`);

    expect(parse(rules)).toEqual({
      groups: [
        {
          name: 'a',
          interval: '1s',
          rules: [
            {
              alert: 'Slow',
              expr: 'rate(a_total[10s]) > 1',
              for: '2s',
              labels: { severity: 'critical' },
            },
            { alert: 'Soon', expr: 'b > 1', for: '0m' },
            { record: 'c:rate1m', expr: 'rate(c_total[5s])' },
          ],
        },
      ],
    });
  });

  it('scrapes the service of the test as the job that the rules know', () => {
    const config = quickPrometheus(
      `
global: { scrape_interval: 15s, external_labels: { cluster: here } }
rule_files: [rules/*.yml]
scrape_configs:
  - { job_name: other, static_configs: [{ targets: ['other:1'] }] }
  - { job_name: tidegauge, metrics_path: /metrics, static_configs: [{ targets: ['service:3000'] }] }
`,
      'tidegauge',
      { service: '127.0.0.1:1', alertmanager: '127.0.0.1:2', ruleFiles: ['own/*.yml'] },
    );

    expect(parse(config)).toMatchObject({
      global: { scrape_interval: '1s', external_labels: { cluster: 'here' } },
      rule_files: ['own/*.yml'],
      alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:2'] }] }] },
      scrape_configs: [
        {
          job_name: 'tidegauge',
          metrics_path: '/metrics',
          static_configs: [{ targets: ['127.0.0.1:1'] }],
        },
      ],
    });
  });

  it('pages nobody else: routes and inhibitions stay, receivers are paths of the sink', () => {
    const config = quickAlertmanager(
      `
route: { receiver: ticket, group_wait: 30s, routes: [{ receiver: page, matchers: ['a="b"'] }] }
receivers: [{ name: ticket }, { name: page, pagerduty_configs: [{ routing_key: x }] }]
inhibit_rules: [{ source_matchers: ['a="b"'], target_matchers: ['c="d"'] }]
`,
      'http://127.0.0.1:3',
    );

    expect(parse(config)).toEqual({
      route: {
        receiver: 'ticket',
        group_wait: '1s',
        group_interval: '1s',
        routes: [{ receiver: 'page', matchers: ['a="b"'], group_wait: '1s', group_interval: '1s' }],
      },
      receivers: ['ticket', 'page'].map((name) => ({
        name,
        webhook_configs: [{ url: `http://127.0.0.1:3/${name}`, send_resolved: true }],
      })),
      inhibit_rules: [{ source_matchers: ['a="b"'], target_matchers: ['c="d"'] }],
    });
  });
});

describe('what an alert compares', () => {
  it.each([
    ['a > 0.9', ['a']],
    ['a / b > 0.9 and rate(c[2m]) >= d', ['a / b', 'rate(c[2m])', 'd']],
    ['sum by (x) (a / (b > 0)) != bool 2', ['sum by (x) (a / (b > 0))', 'b']],
    ['a > on (job) group_left () b', ['a', 'b']],
    ['absent(up{job="a>b"})', []],
    ['rate(a{b!="c"}[1m]) > d{e!~"f"}', ['rate(a{b!="c"}[1m])', 'd{e!~"f"}']],
    ['absent(up{job!="a"})', []],
  ])('is both sides of every comparison: %s', (expression, sides) => {
    expect(comparedExpressions(expression)).toEqual(sides);
  });

  it('is not asked of what is not PromQL', () => {
    expect(() => comparedExpressions('a > > b')).toThrow('not PromQL');
  });
});
