import { DataqueryBuilder as LokiQuery } from '@grafana/grafana-foundation-sdk/loki';
import {
  DataqueryBuilder as PrometheusQuery,
  PromQueryFormat,
} from '@grafana/grafana-foundation-sdk/prometheus';
import {
  DataqueryBuilder as TempoQuery,
  SearchTableType,
  TempoQueryType,
} from '@grafana/grafana-foundation-sdk/tempo';
import { source } from './data-sources.ts';
import type { Promql } from './promql.ts';

export type Target = PrometheusQuery | LokiQuery | TempoQuery;

/** A curve, or several: `legend` names each by its labels, as `{{http_route}}`. Quantiles show the exemplars of their buckets. */
export function curve(query: Promql, legend: string): PrometheusQuery {
  const target = base(query).legendFormat(legend).range();
  return query.text.includes('histogram_quantile(') ? target.exemplar(true) : target;
}

/** The figure at the end of the picture only: nothing of before, when there is none then. */
export function figure(query: Promql, legend: string): PrometheusQuery {
  return base(query).legendFormat(legend).instant();
}

/** Buckets for a heatmap. */
export function buckets(query: Promql<'le'>): PrometheusQuery {
  return base(query).legendFormat('{{le}}').format(PromQueryFormat.Heatmap).range().exemplar(true);
}

function base(query: Promql): PrometheusQuery {
  return new PrometheusQuery().datasource(source('prometheus')).expr(query.text);
}

/** Lines, or curves of them, by LogQL. */
export function logs(expr: string, legend = ''): LokiQuery {
  return new LokiQuery()
    .datasource(source('loki'))
    .expr(expr)
    .legendFormat(legend)
    .queryType('range');
}

/** Traces by TraceQL, one row each. */
export function traces(query: string): TempoQuery {
  return new TempoQuery()
    .datasource(source('tempo'))
    .queryType(TempoQueryType.Traceql)
    .query(query)
    .filters([])
    .limit(50)
    .tableType(SearchTableType.Traces);
}
