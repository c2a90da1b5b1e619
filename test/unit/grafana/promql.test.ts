import { describe, expect, it } from 'vitest';
import { constant, gauge, increase, perMinute, quantile, rate } from '#grafana/promql.ts';

const timeouts = increase('db_client_connection_timeouts_total');
const operations = rate('db_client_operation_duration_seconds_count', {
  error_type: ['timeout', 'other'],
});

describe('a query of a dashboard', () => {
  it('is held to the job, the instance and the pool that the reader chose', () => {
    expect(timeouts.text).toBe(
      'increase(db_client_connection_timeouts_total{job=~"$job", instance=~"$instance", db_client_connection_pool_name=~"$pool"}[$__range])',
    );
    expect(rate('db_session_duration_seconds_count').text).toContain(
      'db_client_connection_pool_name=~"$pool"',
    );
    expect(increase('db_replica_fallbacks_total').text).not.toContain('$pool');
    expect(gauge('pg_up').text).toBe('pg_up{job=~"$job", instance=~"$instance"}');
  });

  it('takes one of several values, none of them, or an expression where the set is open', () => {
    expect(operations.text).toContain('error_type=~"timeout|other"');
    expect(rate('db_sessions_total', { outcome: { not: ['commit'] } }).text).toContain(
      'outcome!~"commit"',
    );
    expect(
      rate('http_server_request_duration_seconds_count', { http_route: { like: '/users.*' } }).text,
    ).toContain('http_route=~"/users.*"');
  });

  it('per minute is the rate, sixty times', () => {
    expect(perMinute('pg_scrape_errors_total').sum().text).toBe(
      'sum(rate(pg_scrape_errors_total{job=~"$job", instance=~"$instance"}[$__rate_interval]) * 60)',
    );
  });

  it('keeps operands together', () => {
    const a = constant(1);
    const b = constant(2);

    expect(a.plus(b).times(3).text).toBe('(vector(1) + vector(2)) * 3');
    expect(a.minus(b.plus(a)).text).toBe('vector(1) - (vector(2) + vector(1))');
    expect(a.plus(b).complement().text).toBe('1 - (vector(1) + vector(2))');
  });

  it('is 0 where nothing was bad, and nothing where there was no traffic', () => {
    const [bad, all] = [constant(0), constant(5)];

    expect(bad.or0Of(all).over(all).text).toBe('(vector(0) or 0 * vector(5)) / (vector(5) > 0)');
  });

  it('is of the largest ten, or of what happened', () => {
    const [some, all] = [constant(1), constant(5)];

    expect(all.minus(some).top().text).toBe('topk(10, (vector(5) - vector(1)) >= 0)');
    expect(all.whereSome(some).top().text).toBe('topk(10, (vector(5) and vector(1) > 0) >= 0)');
  });

  it('of a quantile groups by le and the labels asked for', () => {
    expect(quantile(0.99, 'db_session_duration_seconds', 'instance').text).toMatch(
      /^histogram_quantile\(0\.99, sum by \(le, instance\) \(rate\(db_session_duration_seconds_bucket\{/,
    );
  });

  it('does not compile with a name or a value that the catalogue does not have', () => {
    const wrong = [
      // @ts-expect-error a metric that is not there
      () => gauge('pg_down'),
      // @ts-expect-error a gauge does not grow
      () => rate('pg_up'),
      // @ts-expect-error a counter is read by its growth
      () => gauge('db_sessions_total'),
      // @ts-expect-error only histograms have buckets
      () => rate('db_sessions_total_bucket'),
      // @ts-expect-error a histogram has no series of its own name
      () => rate('db_session_duration_seconds'),
      // @ts-expect-error a label of another metric
      () => rate('db_sessions_total', { reason: 'idle' }),
      // @ts-expect-error a value outside of the closed set
      () => rate('db_client_connection_closed_total', { reason: 'boredom' }),
      // @ts-expect-error a grouping by a label that the series do not have
      () => timeouts.sum('reason'),
      // @ts-expect-error what was summed away is gone
      () => operations.sum('error_type').sum('db_operation_name'),
    ];

    expect(wrong).toHaveLength(9);
  });
});
