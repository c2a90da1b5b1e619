import { describe, expect, it } from 'vitest';
import { backendPidIn, transactionOpening } from '#database/pool/transaction-opening.ts';

const LIMIT = "; set local statement_timeout = '5000'";
const PID = '; select pg_catalog.pg_backend_pid() as tidegauge_backend_pid';
const openingOf = transactionOpening({ statement_timeout: '5000' });

describe('what goes with a statement', () => {
  it.each([
    ['start transaction read write', `${LIMIT}${PID}`],
    ['start transaction read only', `${LIMIT}${PID}`],
    ['BEGIN', `; set transaction read only${LIMIT}${PID}`],
    [' begin isolation level read committed read write', `${LIMIT}${PID}`],
    ['start transaction isolation level repeatable read read only', LIMIT],
    ['start transaction isolation level serializable', `; set transaction read only${LIMIT}`],
    ['select 1', ''],
    ['beginning', ''],
    ['commit', ''],
    ['savepoint begin', ''],
  ])('%s is %s', (text, opening) => {
    expect(openingOf(text)).toBe(opening);
  });

  it('quotes a value', () => {
    expect(transactionOpening({ a: "it's" })('begin read only')).toBe(
      `; set local a = 'it''s'${PID}`,
    );
  });
});

it('the process of the server is read from its answer, if there is one', () => {
  expect(backendPidIn([{ tidegauge_backend_pid: 7 }])).toBe(7);
  expect(backendPidIn([])).toBeUndefined();
  expect(backendPidIn([{ n: 7 }])).toBeUndefined();
});
