import type { DashboardJson, VariableJson } from './dashboard-json.ts';
import { expandVariables } from './expand-variables.ts';
import { promqlFaults } from './promql-faults.ts';
import type { Rules } from './rule.ts';

const PROMETHEUS = '${prometheus_datasource}';

/** Rules of Grafana's dashboard linter about variables. */
export const TEMPLATE_RULES: Rules = {
  'a data source variable has the name and the label of its type': (dashboard) => {
    const variables = dashboard.templating.list.filter(({ type }) => type === 'datasource');
    const wrong = variables.filter(
      ({ name, label, query }) =>
        name !== `${query}_datasource` ||
        label?.toLowerCase() !== `${query} data source` ||
        !/^[A-Z]/.test(label),
    );
    return [
      ...(variables[0]?.query === 'prometheus' ? [] : ['the first one is not for Prometheus']),
      ...wrong.map(({ name, label }) => `${name} is labelled ${String(label)}`),
    ];
  },
  'job is a variable that queries Prometheus': (dashboard) => choiceFaults(dashboard, 'job', 'Job'),
  'instance is a variable that queries Prometheus': (dashboard) =>
    choiceFaults(dashboard, 'instance', 'Instance'),
  'pool is a variable that queries Prometheus': (dashboard) =>
    choiceFaults(dashboard, 'pool', 'Pool'),
  'query variables hold valid PromQL': (dashboard) =>
    queriesOf(dashboard).flatMap(({ name, query }) => {
      const [, selector] = /^label_values\((.+), \w+\)$/.exec(query) ?? [];
      return selector === undefined
        ? [`${name} asks for no values of a label: ${query}`]
        : promqlFaults(expandVariables(selector));
    }),
  'query variables are read anew when the time changes': (dashboard) =>
    queriesOf(dashboard)
      .filter(({ refresh }) => refresh !== 2)
      .map(({ name }) => name),
};

function queriesOf(dashboard: DashboardJson): readonly VariableJson[] {
  return dashboard.templating.list.filter(({ type }) => type === 'query');
}

function choiceFaults(dashboard: DashboardJson, name: string, label: string): readonly string[] {
  const variable = dashboard.templating.list.find((one) => one.name === name);
  if (variable === undefined) {
    return [`there is no variable ${name}`];
  }
  const wanted = { type: 'query', uid: PROMETHEUS, label, multi: true, allValue: '.+' };
  const { type, multi, allValue, datasource } = variable;
  const found = { type, uid: datasource?.uid, label: variable.label, multi, allValue };
  return Object.entries(wanted)
    .filter(([key, value]) => found[key as keyof typeof found] !== value)
    .map(([key]) => `${name}: ${key} is not as it should be`);
}
