import { globSync } from 'node:fs';
import { RECORDING_RULES, SLOS } from '#grafana/recording-rules.ts';
import { SERVICE_PATHS } from '#http/service-paths.ts';
import { describe, expect, it } from 'vitest';
import { readRuleGroups } from '#test/support/alerts/rule-groups.ts';
import { readExpectations, TEST_NAMES, TESTED_FILES } from '#test/support/alerts/rule-tests.ts';
import { readDashboards } from '#test/support/dashboards/dashboard-json.ts';
import { dashboardTargets } from '#test/support/dashboards/dashboard-targets.ts';
import { catalogueFaults } from '#test/support/promql/catalogue-faults.ts';
import type { SeriesLabels } from '#test/support/promql/catalogue-faults.ts';
import { isPromql, selectorsOf } from '#test/support/promql/selectors.ts';

const { alerts, recorded } = readRuleGroups();
const rules = [...alerts, ...recorded];
const expressions = rules.map(({ expr }) => expr);
const selectors = expressions.flatMap((expr) => selectorsOf(expr));
const recordedSeries = new Map<string, SeriesLabels>(
  recorded.map(({ record }) => [record, { job: ['tidegauge'], slo: SLOS }]),
);

/** The paths of probes and of management: asking them is not what the service is for. */
const ASKED_BY_OPERATORS = SERVICE_PATHS.filter((path) => !/^\/(docs|openapi)/.test(path));

/** One of each window, since those of an alert with several fire apart. */
const kinds = [
  ...new Set(alerts.map(({ alert, labels }) => `${alert} ${labels['window'] ?? ''}`.trim())),
];

describe('the rules of Prometheus', () => {
  it('are there', () => {
    expect(alerts.length).toBeGreaterThan(25);
    expect(recorded.length).toBeGreaterThan(15);
  });

  it('are valid expressions', () => {
    expect(expressions.filter((expr) => !isPromql(expr))).toStrictEqual([]);
  });

  it('use series, labels and values of the catalogue, and counters by their growth', () => {
    expect(expressions.flatMap((expr) => catalogueFaults(expr, recordedSeries))).toStrictEqual([]);
  });

  it.for([
    ['rate(db_client_connection_timeout_total[5m])', 'does not exist'],
    ['rate(db_client_connection_wait_time_seconds[5m])', 'does not exist'],
    ['db_client_connection_max{pool="main"}', 'has no pool'],
    ['increase(db_client_connection_failures_total{reason="refuse"}[5m])', 'is never refuse'],
    ['rate(db_client_connection_wait_time_seconds_bucket{le="0.2"}[5m])', 'is never 0.2'],
    ['sum by (pool) (db_client_connection_max)', 'nothing has pool'],
    ['db_client_connection_leaks_total > 0', 'is a counter'],
    ['rate(db_client_connection_max[5m])', 'is no counter'],
    ['slo:sli_error:ratio_rate2d > 1', 'does not exist'],
  ])('would be refused with %s', ([expr = '', fault]) => {
    expect(catalogueFaults(expr, recordedSeries).join()).toContain(fault);
    expect(isPromql(`${expr} >`)).toBe(false);
  });

  it('select the job of this service in every selector', () => {
    const others = selectors.filter(
      ({ matchers }) =>
        !matchers.some(
          ({ label, operator, value }) =>
            label === 'job' && operator === '=' && value === 'tidegauge',
        ),
    );

    expect(others).toStrictEqual([]);
  });

  it('name no whole bound of a bucket, which Prometheus 2 and 3 spell differently', () => {
    const bounds = selectors.flatMap(({ matchers }) =>
      matchers.filter(({ label }) => label === 'le').map(({ value }) => value),
    );

    expect(new Set(bounds)).toStrictEqual(new Set(['0.1', '0.5']));
  });

  it('keep requests to probes and management out of the objectives', () => {
    const ofClients = selectors
      .filter(({ metric }) => metric.startsWith('http_server_request_duration_seconds'))
      .map(
        ({ matchers }) =>
          matchers.find(({ label, operator }) => label === 'http_route' && operator === '!~')
            ?.value,
      );

    const counted = ofClients.flatMap((excluded) =>
      ASKED_BY_OPERATORS.filter((path) => !new RegExp(`^(?:${excluded})$`).test(path)),
    );

    expect(ofClients.length).toBeGreaterThan(3);
    expect(counted).toStrictEqual([]);
  });

  it.each(['availability', 'latency'])(
    'count the requests of %s that the dashboard shows as using its budget',
    (slo) => {
      const excluded = (expr: string) =>
        selectorsOf(expr)
          .filter(({ metric }) => metric.startsWith('http_server_request_duration_seconds'))
          .map(({ matchers }) => matchers.find(({ label }) => label === 'http_route')?.value);
      const shown = dashboardTargets(readDashboards())
        .filter(({ panel }) => panel === `Bad events: ${slo}`)
        .flatMap(({ expr }) => excluded(expr));
      const counted = recorded
        .filter(({ record, labels }) => record.startsWith('slo:events') && labels?.['slo'] === slo)
        .flatMap(({ expr }) => excluded(expr));

      expect(new Set(counted).size).toBe(1);
      expect(new Set(shown)).toStrictEqual(new Set(counted));
    },
  );

  it('record everything that the dashboards ask for', () => {
    const names = new Set(recorded.map(({ record }) => record));

    expect(RECORDING_RULES.filter((name) => !names.has(name))).toStrictEqual([]);
  });

  it('define events, bad events and a budget for every objective', () => {
    const objectivesOf = (name: string) =>
      recorded.filter(({ record }) => record === name).map(({ labels }) => labels?.['slo']);

    expect(objectivesOf('slo:events:rate5m')).toStrictEqual([...SLOS]);
    expect(objectivesOf('slo:events_bad:rate5m')).toStrictEqual([...SLOS]);
    expect(objectivesOf('slo:error_budget:ratio')).toStrictEqual([...SLOS]);
  });
});

describe('the tests of the rules', () => {
  const expectations = readExpectations();

  it('are about every file of rules', () => {
    const tested = new Set(TESTED_FILES.map((file) => file.replace('../', 'prometheus/')));

    expect([...tested].toSorted()).toStrictEqual(globSync('prometheus/rules/*.yml').toSorted());
  });

  it.for(kinds)('make %s fire', (kind) => {
    const firing = expectations.filter(
      ({ alert, window, isFiring }) => isFiring && `${alert} ${window ?? ''}`.trim() === kind,
    );

    expect(firing).not.toStrictEqual([]);
  });

  // Watchdog is there to fire always.
  it.for(kinds.filter((kind) => kind !== 'Watchdog'))('keep %s from firing', (kind) => {
    const [name, only] = kind.split(' ');
    const quiet = expectations.filter(
      ({ alert, window, isFiring }) =>
        !isFiring && alert === name && (window === undefined || window === only),
    );

    expect(quiet).not.toStrictEqual([]);
  });

  it('have a name each', () => {
    expect(TEST_NAMES.length).toBeGreaterThan(kinds.length);
    expect(new Set(TEST_NAMES).size).toBe(TEST_NAMES.length);
  });
});
