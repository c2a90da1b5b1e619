import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { VariableOption } from '@grafana/grafana-foundation-sdk/dashboard';
import { gauge, up } from './promql.ts';
import { SOURCE_TYPES, source, sourceVariable } from './data-sources.ts';

const ALL = { selected: true, text: 'All', value: '$__all' };
/** The job that the configuration of Prometheus in this repository gives to the service. */
const JOB = { selected: true, text: 'tidegauge', value: 'tidegauge' };

/** What the reader of every dashboard chooses: data sources, job, instances and pools. */
export function variables(): (DatasourceVariableBuilder | QueryVariableBuilder)[] {
  const pools = gauge('db_client_connection_max').text.replace(/, db_[^}]*/, '');
  return [
    ...SOURCE_TYPES.map((type) =>
      new DatasourceVariableBuilder(sourceVariable(type))
        .label(`${type.charAt(0).toUpperCase()}${type.slice(1)} data source`)
        .type(type),
    ),
    choice('job', 'Job', 'label_values(tidegauge_build_info, job)', JOB),
    choice(
      'instance',
      'Instance',
      `label_values(${up().text.replace(/, instance[^}]*/, '')}, instance)`,
    ),
    choice('pool', 'Pool', `label_values(${pools}, db_client_connection_pool_name)`),
  ];
}

function choice(name: string, label: string, query: string, current: VariableOption = ALL) {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(source('prometheus'))
    .query(query)
    .definition(query)
    .current(current)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .refresh(VariableRefresh.OnTimeRangeChanged);
}
