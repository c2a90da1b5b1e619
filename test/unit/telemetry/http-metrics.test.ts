import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderExposition } from '#telemetry/exposition.ts';
import { createHttpMetrics, type HttpMetricsScope } from '#telemetry/http-metrics.ts';
import { Instruments } from '#telemetry/instruments.ts';
import { requestScope } from '#test/support/request-scope.ts';
import { parseExposition } from '#test/support/exposition.ts';

const DURATION = 'http_server_request_duration_seconds';

function subject(routes: readonly string[] = ['/users', '/users/:id']) {
  const instruments = new Instruments();
  const metrics = createHttpMetrics(instruments, routes);
  const { observer } = metrics;
  const samples = async () => {
    metrics.collect();
    const { body } = await renderExposition(instruments.registry, 'text');
    return parseExposition(body, 'text').flatMap((family) => family.samples);
  };
  const counts = async () =>
    (await samples())
      .filter(({ name }) => name === `${DURATION}_count`)
      .map(({ labels, value }) => [
        labels['http_request_method'],
        labels['http_route'],
        labels['http_response_status_code'],
        value,
      ]);
  const end = (method: string, route: string, status = 200) =>
    observer.requestEnded({ method, route, status, durationMs: 3, scope: requestScope() });
  return { observer, samples, counts, end };
}

describe('metrics of requests', () => {
  it('count by method, template and status', async () => {
    const { end, counts } = subject();

    end('GET', '/users');
    end('GET', '/users');
    end('PATCH', '/users/:id', 412);

    expect(await counts()).toEqual([
      ['GET', '/users', '200', 2],
      ['PATCH', '/users/:id', '412', 1],
    ]);
  });

  it('record seconds', async () => {
    const { observer, samples } = subject();

    observer.requestEnded({
      method: 'GET',
      route: '/users',
      status: 200,
      durationMs: 250,
      scope: requestScope(),
    });

    const sum = (await samples()).find(({ name }) => name === `${DURATION}_sum`);
    expect(sum?.value).toBe(0.25);
  });

  it('know requests that are being answered, and forget them when they end', async () => {
    const { observer, samples, end } = subject();
    const active = async () =>
      Object.fromEntries(
        (await samples())
          .filter(({ name }) => name === 'http_server_active_requests')
          .map(({ labels, value }) => [labels['http_request_method'], value]),
      );
    observer.requestStarted({ method: 'GET' });
    observer.requestStarted({ method: 'BREW' });

    const during = await active();
    end('GET', '/users');
    end('BREW', 'unmatched', 404);

    expect(during).toMatchObject({ GET: 1, _OTHER: 1, POST: 0 });
    expect(await active()).toMatchObject({ GET: 0, _OTHER: 0, POST: 0 });
  });

  it('call a path that is no template unmatched and a strange method _OTHER', async () => {
    const { end, counts } = subject();

    end('GET', '/users/42', 404);
    end('GET', 'unmatched', 404);
    end('PROPFIND', '/users', 400);

    expect(await counts()).toEqual([
      ['GET', 'unmatched', '404', 2],
      ['_OTHER', '/users', '400', 1],
    ]);
  });

  it('count methods that a route does not have as one', async () => {
    const { end, counts } = subject();

    end('PUT', '/users', 405);
    end('DELETE', '/users', 405);

    expect(await counts()).toEqual([['_OTHER', '/users', '405', 2]]);
  });

  it('keep the number of series whatever is sent, 100,000 times', async () => {
    const { end, samples } = subject();
    const warmUp = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'X'];
    for (const method of warmUp) {
      end(method, 'unmatched', 404);
    }
    const before = (await samples()).length;

    for (let at = 0; at < 100_000; at += 1) {
      end(at % 2 === 0 ? `M${at}` : 'GET', `/random/${at}`, 404);
    }

    expect((await samples()).length).toBe(before);
  });

  it('stay below 5,000 series with every method and status on every route', async () => {
    const routes = Array.from({ length: 40 }, (_, at) => `/r${at}`);
    const { end, samples } = subject(routes);
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];
    const statuses = [200, 201, 204, 304, 400, 404, 405, 406, 409, 412, 413, 415, 422, 500, 503];

    for (const route of routes) {
      for (const method of methods) {
        for (const status of statuses) {
          end(method, route, status);
        }
      }
    }

    const all = await samples();
    const total = all
      .filter(({ name }) => name === `${DURATION}_count`)
      .reduce((sum, { value }) => sum + value, 0);
    expect(all.length).toBeLessThan(4500);
    expect(total).toBe(routes.length * methods.length * statuses.length);
  });

  it('count every request, whatever its method and route', async () => {
    const { end, counts } = subject();
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.integer({ min: 100, max: 599 }),
        (method, route, status) => end(method, route, status),
      ),
      { numRuns: 500 },
    );

    const total = (await counts()).reduce((sum, row) => sum + Number(row[3]), 0);
    expect(total).toBe(500);
  });

  it('name the trace of a request that is sampled, and of no other', async () => {
    const instruments = new Instruments();
    const { observer } = createHttpMetrics(instruments, ['/users']);
    const end = (traceId: string, isSampled: boolean) => {
      const scope = requestScope({ traceId, isSampled, hasSession: true });
      observer.requestEnded({ method: 'GET', route: '/users', status: 200, durationMs: 3, scope });
    };

    end('a'.repeat(32), false);
    end('b'.repeat(32), true);
    end('c'.repeat(32), false);

    const { body } = await renderExposition(instruments.registry, 'openmetrics');
    const exemplars = parseExposition(body, 'openmetrics').flatMap(({ name, samples }) =>
      samples.flatMap(({ exemplar }) => (exemplar === undefined ? [] : [[name, exemplar.labels]])),
    );
    const labels = { trace_id: 'b'.repeat(32), span_id: '00f067aa0ba902b7' };
    expect(exemplars).toEqual([
      [DURATION, labels],
      ['http_server_request_db_operations', labels],
      ['http_server_request_db_seconds', labels],
      ['http_server_request_db_seconds', labels],
    ]);
  });

  it('tell what the database took of requests with a session, by route, and nothing of others', async () => {
    const { observer, samples } = subject();
    const end = (route: string, scope: HttpMetricsScope) =>
      observer.requestEnded({ method: 'GET', route, status: 200, durationMs: 9, scope });

    end('/users', requestScope());
    end('/users/:id', database(1));
    end('/users/:id', database(12));

    const found = (await samples()).filter(({ name }) => /_db_\w+_(?:sum|count)$/.test(name));
    expect(
      found.map(({ name, labels, value }) => [
        name.replace('http_server_request_', ''),
        labels['http_route'],
        labels['phase'],
        value,
      ]),
    ).toEqual([
      ['db_operations_sum', '/users/:id', undefined, 13],
      ['db_operations_count', '/users/:id', undefined, 2],
      ['db_seconds_sum', '/users/:id', 'wait', 26],
      ['db_seconds_count', '/users/:id', 'wait', 2],
      ['db_seconds_sum', '/users/:id', 'query', 13],
      ['db_seconds_count', '/users/:id', 'query', 2],
    ]);
  });
});

function database(operations: number): HttpMetricsScope {
  return requestScope({
    hasSession: true,
    database: { operations, queryMs: operations * 1000, waitMs: operations * 2000 },
  });
}
