import { RECORDING_RULES, SLOS } from '#grafana/recording-rules.ts';
import { targetsOf } from './dashboard-targets.ts';
import type { DashboardTarget } from './dashboard-targets.ts';
import type { DashboardJson } from './dashboard-json.ts';
import { logqlFaults, logqlRangesOf } from './logql-faults.ts';
import { promqlFaults } from './promql-faults.ts';
import { selectorsOf } from '#test/support/promql/selectors.ts';
import type { Selector } from '#test/support/promql/selectors.ts';
import type { Rules } from './rule.ts';

/** What is recorded or fired for all instances of a job together has no label instance. */
const WITHOUT_INSTANCE = new Set<string>([...RECORDING_RULES, 'ALERTS']);

/** The linter's rules about expressions, and ours. */
export const TARGET_RULES: Rules = {
  'PromQL has valid syntax and types': (dashboard) =>
    promqlOf(dashboard).flatMap((expr) => promqlFaults(expr)),
  'rate and irate go over $__rate_interval': (dashboard) =>
    ours(dashboard, 'prometheus').flatMap(({ written }) =>
      [...written.matchAll(/\bi?rate\([^[]*\[([^\]]*)\]/g)]
        .filter(([, range]) => range !== '$__rate_interval')
        .map(([text]) => text),
    ),
  'every selector is held to the job': (dashboard) =>
    selectors(dashboard)
      .filter((selector) => !isHeldTo(selector, 'job'))
      .map(({ metric }) => metric),
  'every selector is held to the instance': (dashboard) =>
    selectors(dashboard)
      .filter(({ metric }) => !WITHOUT_INSTANCE.has(metric))
      .filter((selector) => !isHeldTo(selector, 'instance'))
      .map(({ metric }) => metric),
  'recorded series are asked for one objective': (dashboard) =>
    selectors(dashboard)
      .filter(({ metric }) => metric.startsWith('slo:'))
      .filter(
        ({ matchers }) =>
          !matchers.some(
            ({ label, operator, value }) =>
              label === 'slo' && operator === '=' && SLOS.some((slo) => slo === value),
          ),
      )
      .map(({ metric }) => metric),
  'quantiles show exemplars': (dashboard) =>
    dashboard.panels.flatMap(({ title, targets = [] }) =>
      targets
        .filter(
          ({ expr = '', exemplar, instant = false }) =>
            !instant &&
            expr.includes('_bucket{') &&
            /quantile|by \(le\)/.test(expr) &&
            exemplar !== true,
        )
        .map(({ refId }) => `${title} ${refId}`),
    ),
  'LogQL has valid syntax': (dashboard) =>
    ours(dashboard, 'loki').flatMap(({ expr }) => logqlFaults(expr)),
  'LogQL goes over $__auto': (dashboard) =>
    ours(dashboard, 'loki').flatMap(({ written }) =>
      logqlRangesOf(written)
        .filter((range) => range !== '$__auto')
        .map((range) => `[${range}] in ${written}`),
    ),
};

/** Expressions of panels as they are sent. */
export function promqlOf(dashboard: DashboardJson): readonly string[] {
  return ours(dashboard, 'prometheus').map(({ expr }) => expr);
}

function ours(dashboard: DashboardJson, source: DashboardTarget['source']) {
  return targetsOf(dashboard.uid, dashboard).filter((target) => target.source === source);
}

/** Selectors as they are written: ranges and strings may hold variables, the parser does not mind where. */
function selectors(dashboard: DashboardJson): readonly Selector[] {
  return ours(dashboard, 'prometheus').flatMap(({ written }) =>
    selectorsOf(written.replaceAll(/\[\$__\w+\]/g, '[1m]')),
  );
}

function isHeldTo({ matchers }: Selector, name: string): boolean {
  return matchers.some(
    ({ label, operator, value }) => label === name && operator === '=~' && value === `$${name}`,
  );
}
