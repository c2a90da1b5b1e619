import { invalidRequest } from '#http/http-error.ts';
import type { Interval, SignupQuery } from './signup-schema.ts';

/** What is reported on: moments from `from` on, `to` not among them. */
export interface SignupRange {
  readonly from: Date;
  readonly to: Date;
  readonly interval: Interval;
}

/** How many periods are answered when nobody says since when. */
const PERIODS: Readonly<Record<Interval, number>> = { day: 30, week: 12, month: 12 };

const FIRST = new Date('0001-01-01T00:00:00Z');

/** The range of a query; what it does not name depends on `now`. Throws 400 when it holds no moment. */
export function rangeOf(query: SignupQuery, now: Date): SignupRange {
  const { interval, to = now } = query;
  const from = query.from ?? beginningBefore(to, interval);
  if (from < to) return { from, to, interval };
  const fault =
    query.to === undefined
      ? { path: 'from', message: 'must be before now, which is where the range ends without to' }
      : { path: 'to', message: query.from === undefined ? 'is too early' : 'must be after from' };
  throw invalidRequest('the query is not valid', [fault]);
}

/** Where the first of so many periods begins whose last one holds the moment before `to`. */
function beginningBefore(to: Date, interval: Interval): Date {
  const at = new Date(to.getTime() - 1);
  at.setUTCHours(0, 0, 0, 0);
  const further = PERIODS[interval] - 1;
  if (interval === 'day') {
    at.setUTCDate(at.getUTCDate() - further);
  } else if (interval === 'week') {
    const sinceMonday = (at.getUTCDay() + 6) % 7;
    at.setUTCDate(at.getUTCDate() - sinceMonday - 7 * further);
  } else {
    at.setUTCMonth(at.getUTCMonth() - further, 1);
  }
  return at < FIRST ? FIRST : at;
}
