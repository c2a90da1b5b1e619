import { describe, expect, it } from 'vitest';
import { beginsWriter, WriteRight } from '#database/pool/write-right.ts';

function after(...statements: readonly string[]) {
  const right = new WriteRight();
  for (const statement of statements) right.sent(statement);
  return { isWriter: right.isWriter, mayWrite: right.mayWrite };
}

const WRITER = { isWriter: true, mayWrite: true };
const NARROWED = { isWriter: true, mayWrite: false };
const NONE = { isWriter: false, mayWrite: false };
const BEGUN = ['start transaction read write', 'savepoint "one"'];
const READ_ONLY = 'set transaction read only';

it.each([
  ['start transaction read write', true],
  ['BEGIN isolation level serializable READ  WRITE', true],
  ['start transaction read only', false],
  ['begin', false],
  ['select 1 /* begin read write */', false],
])('%j begins a transaction that may write: %j', (text, expected) => {
  expect(beginsWriter(text)).toBe(expected);
});

describe('the right to write', () => {
  it.each([
    ['nothing', [], NONE],
    ['a transaction that only reads', ['start transaction read only'], NONE],
    ['one that may write', BEGUN, WRITER],
    ['its statements', [...BEGUN, 'insert into users values ($1)', 'set local x = 1'], WRITER],
    ['its end', [...BEGUN, 'commit'], NONE],
    ['its rollback', [...BEGUN, 'rollback work'], NONE],
    ['a part that may not', [...BEGUN, READ_ONLY], NARROWED],
    ['a setting in that part', [...BEGUN, READ_ONLY, 'set local x = 1'], NARROWED],
    ['the end of that part', [...BEGUN, READ_ONLY, 'release savepoint "one"'], WRITER],
    ['its end by an error', [...BEGUN, READ_ONLY, 'rollback to savepoint "one"'], WRITER],
    ['another transaction', [...BEGUN, READ_ONLY, 'commit', 'begin read write'], WRITER],
  ] as const)('after %s is known', (_what, statements, expected) => {
    expect(after(...statements)).toEqual(expected);
  });
});
