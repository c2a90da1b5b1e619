import { parser } from '@prometheus-io/lezer-promql';
import { parse, stringify } from 'yaml';

/**
 * How often the monitoring of a test scrapes and evaluates, how long an alert must hold before it fires, and how many
 * seconds a minute of a range takes. A range that is longer than the run would make every rate too small.
 */
const QUICK = { interval: '1s', for: '2s', secondsPerMinute: 5 } as const;

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

interface Rules {
  groups: { interval?: string; rules: { expr: string; for?: string }[] }[];
}

/** An expression with its ranges and offsets as short as those of the test. */
export function quickExpression(expression: string): string {
  let quick = '';
  let end = 0;
  parser.parse(expression).iterate({
    enter({ name, from, to }) {
      if (name === 'NumberDurationLiteralInDurationContext') {
        quick += expression.slice(end, from) + quickDuration(expression.slice(from, to));
        end = to;
      }
    },
  });
  return quick + expression.slice(end);
}

function quickDuration(duration: string): string {
  const seconds = [...duration.matchAll(/(\d+)([smhdw])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNIT_SECONDS[unit] ?? NaN),
    0,
  );
  return `${Math.ceil((seconds * QUICK.secondsPerMinute) / 60)}s`;
}

/** The project's rules, quicker: evaluated every second, over shorter ranges, and with short times to hold. */
export function quickRules(text: string): string {
  const rules = parse(text) as Rules; // adapter: promtool has checked it
  for (const group of rules.groups) {
    group.interval = QUICK.interval;
    for (const rule of group.rules) {
      rule.expr = quickExpression(rule.expr);
      if (rule.for !== undefined && Number.parseInt(rule.for, 10) > 0) {
        rule.for = QUICK.for;
      }
    }
  }
  return stringify(rules);
}

interface PrometheusConfig {
  global: Record<string, unknown>;
  rule_files: string[];
  alerting?: { alertmanagers: unknown[] };
  scrape_configs: {
    job_name: string;
    scrape_interval?: string;
    static_configs?: { targets: string[] }[];
  }[];
}

/** Where what Prometheus watches, reads and tells is in a test. */
export interface QuickPrometheus {
  /** `host:port` of the service. */
  readonly service: string;
  readonly alertmanager: string;
  readonly ruleFiles: readonly string[];
}

/** The project's scrape of the service and nothing else, every second. */
export function quickPrometheus(text: string, job: string, places: QuickPrometheus): string {
  const config = parse(text) as PrometheusConfig; // adapter: promtool has checked it
  const scrape = config.scrape_configs.find(({ job_name: name }) => name === job);
  if (scrape === undefined) {
    throw new Error(`bug: nothing scrapes ${job}`);
  }
  return stringify({
    ...config,
    global: {
      ...config.global,
      scrape_interval: QUICK.interval,
      scrape_timeout: QUICK.interval,
      evaluation_interval: QUICK.interval,
    },
    rule_files: places.ruleFiles,
    alerting: { alertmanagers: [{ static_configs: [{ targets: [places.alertmanager] }] }] },
    scrape_configs: [
      {
        ...scrape,
        scrape_interval: QUICK.interval,
        scrape_timeout: QUICK.interval,
        static_configs: [{ ...scrape.static_configs?.[0], targets: [places.service] }],
      },
    ],
  });
}

interface Route {
  group_wait?: string;
  group_interval?: string;
  routes?: Route[];
}

interface AlertmanagerConfig {
  route: Route;
  receivers: { name: string }[];
}

/** The project's routes and inhibitions; every receiver is a path of the sink, nobody is waited for. */
export function quickAlertmanager(text: string, sinkUrl: string): string {
  const config = parse(text) as AlertmanagerConfig; // adapter: amtool has checked it
  return stringify({
    ...config,
    route: quickRoute(config.route),
    receivers: config.receivers.map(({ name }) => ({
      name,
      webhook_configs: [{ url: `${sinkUrl}/${encodeURIComponent(name)}`, send_resolved: true }],
    })),
  });
}

function quickRoute(route: Route): Route {
  return {
    ...route,
    group_wait: QUICK.interval,
    group_interval: QUICK.interval,
    ...(route.routes !== undefined && { routes: route.routes.map(quickRoute) }),
  };
}
