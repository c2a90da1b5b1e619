import { expect, it } from 'vitest';
import { beginsOrEnds } from '#database/begins-or-ends.ts';

it.each([
  'begin',
  '\n  START  TRANSACTION read only',
  'commit',
  'end',
  'rollback',
  'rollback work',
  'abort',
  `prepare transaction 'one'`,
])('begins or ends a transaction: %j', (statement) => {
  expect(beginsOrEnds(statement)).toBe(true);
});

it.each([
  'savepoint "one"',
  'rollback to "one"',
  'ROLLBACK  WORK\nTO "one"',
  'rollback transaction to savepoint "one"',
  'select 1',
  'beginning',
])('leaves the transaction as it is: %j', (statement) => {
  expect(beginsOrEnds(statement)).toBe(false);
});
