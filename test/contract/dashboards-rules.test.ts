import { describe, expect, it } from 'vitest';
import { readDashboards } from '#test/support/dashboards/dashboard-json.ts';
import type { DashboardJson } from '#test/support/dashboards/dashboard-json.ts';
import { dashboardTargets } from '#test/support/dashboards/dashboard-targets.ts';
import { DASHBOARD_RULES } from '#test/support/dashboards/dashboard-rules.ts';

const dashboards = readDashboards();

/** A dashboard without a fault, as text, in which a control replaces what the rule is about. */
const POOL = JSON.stringify(dashboards.get('pool'));
const LOGS = JSON.stringify(dashboards.get('logs-traces'));
const SLO = JSON.stringify(dashboards.get('slo'));

/** Each rule with a dashboard that breaks it: what is there, what it is replaced by. */
const BROKEN: readonly (readonly [rule: string, from: string, there: RegExp, instead: string])[] = [
  [
    'a data source variable has the name and the label of its type',
    POOL,
    /"Prometheus data source"/,
    '"Source"',
  ],
  ['job is a variable that queries Prometheus', POOL, /"name":"job"/, '"name":"jobs"'],
  [
    'instance is a variable that queries Prometheus',
    POOL,
    /("label":"Instance".*?"allValue":)"\.\+"/,
    '$1".*"',
  ],
  ['pool is a variable that queries Prometheus', POOL, /("name":"pool".*?"multi":)true/, '$1false'],
  [
    'query variables hold valid PromQL',
    POOL,
    /"query":"label_values\(up\{/,
    '"query":"label_values(up{{',
  ],
  ['query variables are read anew when the time changes', POOL, /"refresh":2/, '"refresh":1'],
  [
    'panels ask a data source variable of the dashboard',
    POOL,
    /("panels".*)"\$\{prometheus_datasource\}"/,
    '$1"prometheus"',
  ],
  ['panels have a title', POOL, /"title":"Utilisation"/, '"title":" "'],
  ['panels say what they show, what is bad and where to look next', POOL, /\*\*Bad:\*\*/, 'Bad:'],
  ['panels have a unit that Grafana knows', POOL, /"unit":"percentunit"/, '"unit":"percentage"'],
  ['panels have targets', POOL, /"targets":\[\{.*?\}\]/, '"targets":[]'],
  ['panels have thresholds', POOL, /"steps":\[.*?\]/, '"steps":[]'],
  ['legends are shown', POOL, /"showLegend":true/, '"showLegend":false'],
  ['stats say which of many values they show', SLO, /"calcs":\["lastNotNull"\]/, '"calcs":[]'],
  ['PromQL has valid syntax and types', POOL, /(rate\([^[]*)\[\$__rate_interval\]/, '$1'],
  ['PromQL has valid syntax and types', POOL, /"expr":"sum by/, '"expr":"sum by by'],
  ['rate and irate go over $__rate_interval', POOL, /(rate\([^[]*)\[\$__rate_interval\]/, '$1[5m]'],
  ['every selector is held to the job', POOL, /("panels".*?)job=~\\"\$job\\", /, '$1'],
  [
    'every selector is held to the instance',
    POOL,
    /("panels".*?)instance=~\\"\$instance\\"/,
    '$1instance=\\"a\\"',
  ],
  [
    'series, labels, values and groupings are those of the catalogue',
    POOL,
    /rate\((\w+_total\{)/,
    'max_over_time($1',
  ],
  ['recorded series are asked for one objective', SLO, /slo=\\"latency\\"/, 'slo=~\\"latency\\"'],
  ['quantiles show exemplars', POOL, /"exemplar":true/, '"exemplar":false'],
  ['LogQL has valid syntax', LOGS, /\| json/, '| | json'],
  ['LogQL goes over $__auto', LOGS, /\[\$__auto\]/, '[5m]'],
  [
    'series, labels, values and groupings are those of the catalogue',
    POOL,
    /db_sessions_total\{/,
    'db_session_total{',
  ],
  [
    'series, labels, values and groupings are those of the catalogue',
    POOL,
    /db_client_connection_wait_time_seconds_count\{/,
    'db_client_connection_wait_time_seconds{',
  ],
  [
    'series, labels, values and groupings are those of the catalogue',
    POOL,
    /le=\\"0\.1\\"/,
    'lower=\\"0.1\\"',
  ],
  [
    'series, labels, values and groupings are those of the catalogue',
    POOL,
    /outcome=\\"failed\\"/,
    'outcome=\\"failure\\"',
  ],
  [
    'series, labels, values and groupings are those of the catalogue',
    POOL,
    /le=\\"0\.1\\"/,
    'le=\\"0.15\\"',
  ],
  [
    'series, labels, values and groupings are those of the catalogue',
    POOL,
    /sum by \(reason\)/,
    'sum by (cause)',
  ],
  ['a dashboard is not edited by hand', POOL, /"editable":false/, '"editable":true'],
  ['the crosshair is shared', POOL, /"graphTooltip":1/, '"graphTooltip":0'],
  ['panels have ids of their own', POOL, /"id":12,/, '"id":11,'],
  ['panels do not overlap', POOL, /"x":8/, '"x":7'],
  ['panels fit into 24 columns', POOL, /"x":16/, '"x":17'],
  ['nothing is left to be filled in by whoever imports it', POOL, /^\{/, '{"__inputs":[],'],
  [
    'deploys and firing alerts are marked',
    POOL,
    /process_start_time_seconds/,
    'process_start_seconds',
  ],
  [
    'the others are one click away, and it is from them',
    POOL,
    /"type":"dashboards"/,
    '"type":"link"',
  ],
];

describe('a dashboard', () => {
  describe.for([...dashboards])('%s', ([, dashboard]) => {
    it.for(Object.entries(DASHBOARD_RULES))('%s', ([, rule]) => {
      expect(rule(dashboard)).toStrictEqual([]);
    });
  });
});

describe('a rule', () => {
  it.for(BROKEN)('%s: finds the dashboard that breaks it', ([name, from, there, instead]) => {
    const broken = from.replace(there, instead);

    expect(broken).not.toBe(from);
    expect(DASHBOARD_RULES[name]?.(JSON.parse(broken) as DashboardJson)).not.toStrictEqual([]);
  });

  it('is never without such a dashboard', () => {
    const controlled = new Set(BROKEN.map(([name]) => name));

    expect(Object.keys(DASHBOARD_RULES).filter((name) => !controlled.has(name))).toStrictEqual([]);
  });
});

describe('the targets of all dashboards', () => {
  it('are listed as Grafana sends them, without a variable left', () => {
    const targets = dashboardTargets(dashboards);

    expect(targets.length).toBeGreaterThan(100);
    expect(targets.filter(({ expr }) => expr === '' || expr.includes('$'))).toStrictEqual([]);
  });
});
