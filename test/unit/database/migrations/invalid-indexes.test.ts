import { expect, it } from 'vitest';
import { builtIndex } from '#database/migrations/invalid-indexes.ts';

it.each([
  [
    'create index concurrently if not exists a_idx on a (b)',
    { table: 'table', name: 'a', index: 'a_idx' },
  ],
  [
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "The ""x""" ON ONLY "S"."A" USING gin (b)',
    { table: 'table', name: '"S"."A"', index: 'The "x"' },
  ],
  ['reindex table concurrently s.a', { table: 'table', name: 's.a', index: undefined }],
  [
    'reindex (verbose, concurrently) index "a_idx"',
    { table: 'index', name: '"a_idx"', index: undefined },
  ],
  ['create index "concurrently" on a (b)', undefined],
  ['drop index concurrently if exists a_idx', undefined],
  ['reindex table a', undefined],
])('%s', (sql, built) => {
  expect(builtIndex(sql)).toStrictEqual(built);
});
