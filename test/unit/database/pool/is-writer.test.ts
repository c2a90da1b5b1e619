import { expect, it } from 'vitest';
import { isWriter } from '#database/pool/is-writer.ts';

it.each([
  ['start transaction read write', true],
  ['BEGIN isolation level serializable READ  WRITE', true],
  ['start transaction read only', false],
  ['begin', false],
  ['set transaction read only', false],
  ['commit', false],
  ['rollback work', false],
  ['rollback to "one"', undefined],
  ['rollback work to "one"', undefined],
  ['set transaction read write', undefined],
  ['select 1', undefined],
])('after %j a transaction that may write is open: %j', (text, expected) => {
  expect(isWriter(text)).toBe(expected);
});
