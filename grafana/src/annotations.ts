import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { source } from './data-sources.ts';
import { gauge } from './promql.ts';
import { firingAlerts } from './recording-rules.ts';

/** What happened meanwhile, in every picture: processes that started, with what they run, and alerts that fired. */
export function annotations(): AnnotationQueryBuilder[] {
  const started = gauge('process_start_time_seconds').max('job', 'instance').text;
  const builds = gauge('tidegauge_build_info').max('job', 'instance', 'version', 'commit').text;
  return [
    new AnnotationQueryBuilder()
      .name('Deploys and restarts')
      .expr(`${started} * on (job, instance) group_right () ${builds} * 1000`)
      .useValueForTime(true)
      .titleFormat('{{version}} ({{commit}}) started')
      .textFormat('{{instance}}')
      .iconColor('blue'),
    new AnnotationQueryBuilder()
      .name('Firing alerts')
      .expr(firingAlerts().text)
      .titleFormat('{{alertname}}')
      .textFormat('{{severity}}')
      .tagKeys('alertname,severity')
      .iconColor('red'),
  ].map((annotation) => annotation.datasource(source('prometheus')).enable(true).step('15s'));
}
