import { describe, expect, it } from 'vitest';
import type { QueryEnded } from '#database/database-observer.ts';
import { databaseScrape } from '#test/support/database-scrape.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';

const DURATION = 'db_client_operation_duration_seconds';

function subject() {
  const scrape = databaseScrape(() => [poolStatsOf()], { tables: ['users'], slowQueryMs: 200 });
  const end = (changes: Partial<QueryEnded> = {}) =>
    scrape.observer.queryEnded?.({
      pool: 'main',
      server: { host: '127.0.0.1', port: 5432, database: 'tidegauge' },
      holder: 'GET /users',
      scope: undefined,
      text: 'select 1',
      operation: 'SELECT',
      collection: 'users',
      durationMs: 3,
      code: undefined,
      isStream: false,
      sqlState: undefined,
      ...changes,
    });
  const counts = async () =>
    (await scrape.read(`${DURATION}_count`)).map(({ labels, value }) =>
      [
        labels['db_operation_name'],
        labels['db_collection_name'],
        labels['error_type'],
        String(value),
      ].join('|'),
    );
  return { ...scrape, end, counts };
}

describe('metrics of statements', () => {
  it('count by operation, table and class of error', async () => {
    const { end, counts } = subject();

    end();
    end();
    end({ operation: 'INSERT', code: 'DB_UNIQUE' });
    end({ operation: 'COMMIT', collection: undefined });

    expect(await counts()).toEqual(['SELECT|users||2', 'INSERT|users|constraint|1', 'COMMIT|||1']);
  });

  it('record seconds', async () => {
    const { end, value } = subject();

    end({ durationMs: 250 });

    expect(await value(`${DURATION}_sum`)).toBe(0.25);
  });

  it.each([
    ['START', 'BEGIN'],
    ['END', 'COMMIT'],
    ['ABORT', 'ROLLBACK'],
    ['RELEASE', 'RELEASE'],
    ['VACUUM', 'OTHER'],
    ['constructor', 'OTHER'],
  ])('call %s %s', async (operation, name) => {
    const { end, counts } = subject();

    end({ operation, collection: undefined });

    expect(await counts()).toEqual([`${name}|||1`]);
  });

  it('call a table that is none of the entities other', async () => {
    const { end, counts } = subject();

    end({ collection: 'pg_class' });

    expect(await counts()).toEqual(['SELECT|other||1']);
  });

  it('count every statement, however many kinds there are, and tell failures from successes', async () => {
    const { end, counts } = subject();
    const operations = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'WITH', 'COPY', 'CALL'];
    const codes = ['DB_UNIQUE', 'DB_DEADLOCK', 'DB_QUERY_TIMEOUT', 'DB_QUERY_CANCELLED'] as const;

    for (const operation of operations) {
      for (const collection of ['users', undefined, 'elsewhere']) {
        for (const code of [undefined, ...codes]) {
          end({ pool: 'main', operation, collection, code });
          end({ pool: 'reporting', operation, collection, code });
        }
      }
    }

    const all = await counts();
    const total = all.reduce((sum, line) => sum + Number(line.split('|').at(-1)), 0);
    expect(total).toBe(2 * 8 * 3 * 5);
    // As many as there is room for, and for each pool what succeeded and what failed of the rest.
    expect(all).toHaveLength(Math.floor(3500 / 17) + 4);
    expect(all.filter((line) => line.startsWith('OTHER|other|'))).toHaveLength(4);
  });

  it('count what takes longer than the threshold as slow, from 0 on', async () => {
    const { end, value } = subject();
    const before = await value('db_client_slow_queries_total');

    end({ durationMs: 200 });
    end({ durationMs: 201 });

    expect(before).toBe(0);
    expect(await value('db_client_slow_queries_total')).toBe(1);
  });

  it('count nothing as slow where that is off', async () => {
    const { observer, value } = databaseScrape(undefined, { tables: [], slowQueryMs: 0 });

    observer.queryEnded?.({
      pool: 'main',
      server: { host: '127.0.0.1', port: 5432, database: 'tidegauge' },
      holder: 'h',
      scope: undefined,
      text: 'select 1',
      operation: 'SELECT',
      collection: undefined,
      durationMs: 60_000,
      code: undefined,
      isStream: false,
      sqlState: undefined,
    });

    expect(await value('db_client_slow_queries_total')).toBe(0);
  });
});

it('the statements that are prepared are those of the pool now', async () => {
  const { value } = databaseScrape(() => [poolStatsOf({ prepared: 12 })]);

  expect(await value('db_client_prepared_statements')).toBe(12);
});
