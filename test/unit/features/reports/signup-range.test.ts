import { describe, expect, it } from 'vitest';
import { rangeOf } from '#features/reports/signup-range.ts';
import { signupQuery } from '#features/reports/signup-schema.ts';
import { HttpError } from '#http/http-error.ts';

/** A Thursday. */
const NOW = new Date('2026-11-26T09:30:00.000Z');

function range(query: Readonly<Record<string, string>>) {
  const { from, to, interval } = rangeOf(signupQuery.parse(query), NOW);
  return [from.toISOString(), to.toISOString(), interval];
}

function faultsOf(query: Readonly<Record<string, string>>): readonly string[] {
  try {
    range(query);
  } catch (error) {
    if (error instanceof HttpError) return error.errors?.map(({ path }) => path) ?? [];
    throw error;
  }
  return [];
}

describe('what a query does not say', () => {
  it.each([
    [{}, '2026-10-28', 'day'],
    [{ interval: 'week' }, '2026-09-07', 'week'],
    [{ interval: 'month' }, '2025-12-01', 'month'],
  ])('of %o is a number of periods up to now', (query, from, interval) => {
    expect(range(query)).toEqual([`${from}T00:00:00.000Z`, NOW.toISOString(), interval]);
  });

  it('depends on the end of the range, whose own moment is not part of it', () => {
    expect(range({ to: '2026-03-01', interval: 'month' })[0]).toBe('2025-03-01T00:00:00.000Z');
    expect(range({ to: '2026-11-23', interval: 'week' })[0]).toBe('2026-08-31T00:00:00.000Z');
  });

  it('never begins before the first year', () => {
    expect(range({ to: '0001-01-02' })[0]).toBe('0001-01-01T00:00:00.000Z');
  });
});

describe('a moment', () => {
  it.each([
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
    ['2026-01-31T09:30:00Z', '2026-01-31T09:30:00.000Z'],
    ['2026-01-31T09:30:00.123Z', '2026-01-31T09:30:00.123Z'],
    ['2026-01-31T23:30:00-02:30', '2026-02-01T02:00:00.000Z'],
  ])('is read from %s', (text, moment) => {
    expect(range({ from: text, to: '9999-12-31T23:59:59.999Z' })[0]).toBe(moment);
  });

  it.each([
    '',
    'now',
    '2026',
    '2026-01',
    '2026-13-01',
    '2026-06-31',
    '2025-02-29',
    '0000-12-31',
    '10000-01-01',
    '+002026-01-01',
    '2026-01-31 09:30:00Z',
    '2026-01-31T09:30Z',
    '2026-01-31T09:30:00',
    '2026-01-31T24:00:00Z',
    '2026-01-31T09:30:60Z',
    '2026-01-31T09:30:00.1234Z',
    '2026-01-31T09:30:00+24:00',
    '2026-02-30T09:30:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    ' 2026-01-31',
    '2026-01-31\n',
    'infinity',
  ])('is not read from %j', (text) => {
    expect(signupQuery.safeParse({ from: text }).success).toBe(false);
  });
});

describe('a range', () => {
  it.each([
    [{ from: '2026-01-01', to: '2026-01-01' }, 'to'],
    [{ from: '2026-01-02', to: '2026-01-01' }, 'to'],
    [{ from: '2026-11-27' }, 'from'],
    [{ to: '0001-01-01' }, 'to'],
  ])('without a moment is refused: %o', (query, path) => {
    expect(faultsOf(query)).toEqual([path]);
  });

  it.each([{ interval: 'year' }, { interval: 'Day' }, { until: '2026-01-01' }])(
    'has no other parameters: %o',
    (query) => {
      expect(signupQuery.safeParse(query).success).toBe(false);
    },
  );
});
