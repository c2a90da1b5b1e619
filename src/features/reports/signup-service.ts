import { getDb } from '#database/session-manager.ts';
import { streamRows } from '#database/stream-rows.ts';
import type { SignupRange } from './signup-range.ts';

/** One period: its first day, and how many users were created in it. */
export interface SignupCount {
  readonly start: string;
  readonly signups: number;
}

// Times without a zone are those of UTC, so that no setting of a session moves a day. The periods are made in the select
// list, where they are not kept before they are joined; those without a user count 0.
const SIGNUPS = `
  select period.start::date::text as start, coalesce(counted.signups, 0) as signups
  from (
    select generate_series(
      date_trunc(?::text, ?::timestamptz at time zone 'UTC'),
      ?::timestamptz at time zone 'UTC' - interval '1 millisecond',
      ('1 ' || ?::text)::interval
    ) as start
  ) as period
  left join (
    select date_trunc(?::text, created_at at time zone 'UTC') as start, count(*)::int as signups
    from users
    where created_at >= ?::timestamptz and created_at < ?::timestamptz
    group by 1
  ) as counted using (start)
  order by period.start`;

/** Counts sign-ups by calendar periods of UTC, the first one and the last as far as they are in the range. In batches. */
export function countSignups({
  from,
  to,
  interval,
}: SignupRange): AsyncIterable<readonly SignupCount[]> {
  const [first, last] = [from.toISOString(), to.toISOString()];
  return streamRows<SignupCount>(getDb(), SIGNUPS, [
    interval,
    first,
    last,
    interval,
    interval,
    first,
    last,
  ]);
}
