import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summarize } from '#sql/statement-summary.ts';
import { CHANGING_STATEMENTS, HARMLESS_STATEMENTS } from '#test/support/session-statements.ts';

/** Of any kind, half surrogates included. */
const CODE_UNIT = fc.nat(0xff_ff).map((code) => String.fromCharCode(code));
const SECRET = 'c4n4ry';

describe('the summary of a statement', () => {
  it.each([
    ['select "u0".* from "users" as "u0" where "u0"."id" = $1', 'SELECT users'],
    ['-- a comment\n /* from x */ SELECT Name FROM Users', 'SELECT users'],
    ['select u.* from only (users u join teams t on true)', 'SELECT users'],
    [
      'select * from (select * from (select id from "app"."orders") as a) as b',
      'SELECT app.orders',
    ],
    ['select extract(year from born), trim(both from name) from users', 'SELECT users'],
    ['select a is not distinct from b as same from users', 'SELECT users'],
    ['select exists (select 1 from users)', 'SELECT users'],
    ['select * from unnest($1::uuid[]) as ids join users on true', 'SELECT users'],
    ['(select id from a) union (select id from b)', 'SELECT a'],
    ['select 1', 'SELECT'],
    ['select now() from generate_series(1, 2)', 'SELECT'],
    ['values (1), (2)', 'VALUES'],
    ['table users', 'TABLE users'],
    ['insert into "memberships" ("id") values ($1) returning "id"', 'INSERT memberships'],
    ['insert into a select * from b', 'INSERT a'],
    ['update "teams" set "name" = $1 where "id" = $2', 'UPDATE teams'],
    ['select update, "lock" from jobs for update skip locked', 'SELECT jobs'],
    ['delete from only "Order Lines"', 'DELETE "Order Lines"'],
    ['delete from "app"."Order""s"', 'DELETE app."Order""s"'],
    ['merge into stock using v on true when matched then delete', 'MERGE stock'],
    ['with gone as (delete from a returning id) insert into b select id from gone', 'WITH a'],
    ['explain (analyze) update a set x = 1', 'EXPLAIN a'],
    ['lock table a in share mode', 'LOCK a'],
    ['truncate a, b', 'TRUNCATE a'],
    ['create table if not exists a (id int)', 'CREATE a'],
    ['drop table if exists a', 'DROP a'],
    ['create database tidegauge_1', 'CREATE'],
    ['begin', 'BEGIN'],
    ['start transaction read write', 'START'],
    ['commit', 'COMMIT'],
    ['savepoint "trx1"', 'SAVEPOINT'],
    ['fetch 10 from c1', 'FETCH'],
    ["set x = 'y'", 'SET'],
    ['revoke all on a from b', 'REVOKE'],
    ['execute p (1)', 'EXECUTE'],
    ['alice@example.org', 'OTHER'],
    ["'from users'", 'OTHER'],
    ['', 'OTHER'],
  ])('%s is %s', (text, summary) => {
    expect(summarize(text)).toBe(summary);
  });

  it('holds no literal, whatever stands in one', () => {
    const content = fc
      .tuple(
        fc.string(),
        fc.constantFrom(' from ', ' into ', "''", '/*', '--', ' ', '\n'),
        fc.string(),
      )
      .map(([before, middle, after]) => `${before}${middle}${SECRET}${after}`);
    const literal = content.chain((text) =>
      fc.constantFrom(
        `'${text.replaceAll("'", "''")}'`,
        `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
        `$x_x$${text}$x_x$`,
        `/* ${text.replaceAll('*', '').replaceAll('/', '')} */`,
        `-- ${text.replaceAll(/[\n\r]/g, '')}\n`,
      ),
    );
    const place = fc.constantFrom(
      '@',
      'select @',
      'select @ from users where a = @',
      'select extract(year from @), x is distinct from @ from @',
      'insert into users values (@)',
      'update @ set a = @',
      'create table @ (id int)',
      'copy users from @',
      'comment on table users is @',
      'select @ from (select @ from @) as a',
    );
    fc.assert(
      fc.property(place, literal, (text, value) => {
        expect(summarize(text.replaceAll('@', () => value))).not.toContain(SECRET);
      }),
      { numRuns: 1000 },
    );
  });

  it('holds no literal of a text that is cut where it ends to be read', () => {
    const columns = 'a, '.repeat(6000);
    const texts = Array.from(
      { length: 40 },
      (_, shift) =>
        `select ${' '.repeat(shift)}${columns.slice(0, 16_360)}'from ${SECRET}' from users`,
    );

    expect(texts.map(summarize)).toEqual(texts.map(() => 'SELECT'));
  });

  it('finds a table behind a thousand columns', () => {
    const columns = Array.from({ length: 1000 }, (_, index) => `"c${index}"`).join(', ');

    expect(summarize(`select ${columns} from "users"`)).toBe('SELECT users');
  });

  it('is at most 255 characters of a command and a name, for any text', () => {
    const known = fc.constantFrom(...HARMLESS_STATEMENTS, ...CHANGING_STATEMENTS);
    const long = fc.nat(400).map((length) => `select 1 from "${'x"" '.repeat(length)}"`);
    fc.assert(
      fc.property(fc.oneof(known, long, fc.string({ unit: CODE_UNIT })), (text) => {
        const summary = summarize(text);

        expect(summary).toMatch(/^[A-Z]+($| .)/s);
        expect(summary.length).toBeLessThanOrEqual(255);
      }),
    );
  });
});
