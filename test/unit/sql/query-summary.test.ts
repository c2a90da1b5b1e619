import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { querySummary } from '#sql/query-summary.ts';
import { PUBLISHED_CASES } from '#test/support/published-sql-cases.ts';
import { CHANGING_STATEMENTS, HARMLESS_STATEMENTS } from '#test/support/session-statements.ts';

const SECRET = 'c4n4ry';

describe('the summary of a query', () => {
  it.each(PUBLISHED_CASES)('of %s is as published', (text, _sanitized, summary) => {
    expect(querySummary(text).toLowerCase()).toBe(summary.toLowerCase());
  });

  it.each([
    ['select "u0".* from "users" as "u0" where "u0"."id" = $1', 'SELECT users'],
    [
      'select * from memberships m left join users u on u.id = m.user_id',
      'SELECT memberships users',
    ],
    ['select u.* from only (users u join teams t on true), c', 'SELECT users teams c'],
    ['select * from a join b using (id), lateral (select * from c) d, e', 'SELECT a b SELECT c e'],
    ['select * from unnest($1::uuid[]) as ids join users on true', 'SELECT users'],
    ['select extract(year from born), trim(both from name), x from users', 'SELECT users'],
    ['select a is not distinct from b, c from users order by a, b', 'SELECT users'],
    ['(select id from a) union all (select id from b)', 'SELECT a SELECT b'],
    [
      'with gone as (delete from a returning id) insert into b select id from gone',
      'WITH DELETE a INSERT b SELECT gone',
    ],
    ['update "teams" set "name" = $1 where id in (select id from x)', 'UPDATE teams SELECT x'],
    ['update a set x = b.x from b', 'UPDATE a b'],
    ['insert into a values (1) on conflict (id) do update set x = 1', 'INSERT a'],
    ['select update, "lock" from jobs for update skip locked', 'SELECT jobs'],
    ['delete from a using b where b.x = a.x', 'DELETE a b'],
    ['merge into stock using v on true when matched then delete', 'MERGE stock v'],
    ['truncate a, b', 'TRUNCATE a b'],
    ['lock table a, b in share mode', 'LOCK a b'],
    ['explain (analyze) update a set x = 1', 'EXPLAIN UPDATE a'],
    ['create index on t (x)', 'CREATE INDEX'],
    ['create materialized view if not exists v as select 1 from w', 'CREATE MATERIALIZED VIEW v'],
    ['drop table if exists "Order Lines"', 'DROP TABLE "Order Lines"'],
    ['select lock, truncate, a from t order by a using <, b', 'SELECT t'],
    ['table users', 'TABLE users'],
    ['values (1), (2)', 'VALUES'],
    ['start transaction', 'START'],
    ['commit', 'COMMIT'],
    ['alice@example.org', 'OTHER'],
    ['', 'OTHER'],
  ])('of %s is %s', (text, summary) => {
    expect(querySummary(text)).toBe(summary);
  });

  it('leaves out what does not fit into 255 characters, and all behind it', () => {
    const tables = Array.from({ length: 60 }, (_, n) => `table_${n}`);
    const summary = querySummary(`select * from ${tables.join(', ')}`);

    expect(summary.length).toBeLessThanOrEqual(255);
    expect(`SELECT ${tables.join(' ')} `).toContain(`${summary} `);
  });

  it('holds no literal, whatever the statement', () => {
    const statement = fc.constantFrom(...CHANGING_STATEMENTS, ...HARMLESS_STATEMENTS);

    fc.assert(
      fc.property(statement, fc.nat(), (text, at) => {
        const place = at % (text.length + 1);
        const summary = querySummary(`${text.slice(0, place)} '${SECRET}' ${text.slice(place)}`);

        expect(summary).not.toContain(SECRET);
        expect(summary.length).toBeLessThanOrEqual(255);
      }),
    );
  });
});
