import { report } from '#bench/report.ts';
import { expect, it } from 'vitest';

it('the report has the ratios of every route, then one table a route, in columns of equal width', () => {
  const contestants = [
    { key: 'a-1', title: 'ours', tracing: '1 %', command: [], env: {}, isScraped: true },
    { key: 'd', title: 'naive', tracing: undefined, command: [], env: {}, isScraped: false },
  ] as const;
  const seen = { perSecond: 1234.5, p50Ms: 1.24, p99Ms: 9.96, rssBytes: 100 * 1024 * 1024 };
  const block = { workload: 'read', round: 1, ...seen } as const;

  const tables = report({
    blocks: [
      { ...block, contestant: 'a-1', cpuUs: 90 },
      { ...block, contestant: 'd', cpuUs: 120.4 },
    ],
    contestants,
    workloads: [{ name: 'read', title: 'GET /users/:id' }],
    baseline: 'd',
    preface: ['A machine.'],
  });

  expect(tables).toBe(`A machine.

|     | CPU a request, as a ratio | traced | \`GET /users/:id\` |
| --- | ------------------------- | ------ | ---------------: |
| a-1 | ours                      | 1 %    | 0.75 (0.75–0.75) |
| d   | naive                     | –      | 1.00 (1.00–1.00) |

### \`GET /users/:id\`

|     | contestant | traced | CPU µs a request | requests/s | p50 ms | p99 ms | RSS MiB |
| --- | ---------- | ------ | ---------------: | ---------: | -----: | -----: | ------: |
| a-1 | ours       | 1 %    |       90 (90–90) |       1235 |    1.2 |   10.0 |     100 |
| d   | naive      | –      |    120 (120–120) |       1235 |    1.2 |   10.0 |     100 |`);
});
