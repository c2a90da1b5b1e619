import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayChangeSession } from '#database/pool/statement-effects.ts';
import { CHANGING_STATEMENTS, HARMLESS_STATEMENTS } from '#test/support/session-statements.ts';

/** Of any kind, half surrogates included. */
const CODE_UNIT = fc.nat(0xff_ff).map((code) => String.fromCharCode(code));
const COMMENTS = ['/* set x = 1; */', '/* /* nested */ ( */', '-- reset all;\n', "-- '\r", '\n\t'];

describe('a statement that leaves nothing behind', () => {
  it.each(HARMLESS_STATEMENTS)('needs no reset of the session: %s', (text) => {
    expect(mayChangeSession(text)).toBe(false);
  });

  it.each([
    'begin',
    'BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE',
    'start transaction read only',
    'commit',
    'end',
    'rollback',
    'abort',
    'savepoint "trx1"',
    'release "trx1"',
    'rollback to savepoint trx1',
    'fetch forward 10 from c',
    'close c',
  ])('needs no reset when it belongs to a transaction: %s', (text) => {
    expect(mayChangeSession(text)).toBe(false);
  });

  it.each([
    'select "u0".* from "users" as "u0" where "u0"."id" = $1 limit $2 for update',
    'select count(*) as "count" from "users" as "u0" where lower("email" collate "C") = $1',
    'select "t0".*, "m1"."role" as "m1__role" from "teams" as "t0" left join "memberships" as "m1" on "t0"."id" = "m1"."team_id" where "t0"."id" in ($1, $2) order by "t0"."id" asc',
    'insert into "users" ("id", "created_at", "email") values ($1, $2, $3), ($4, $5, $6) returning "version"',
    'insert into "users" ("id", "email") values ($1, $2) on conflict ("email") do update set "name" = excluded."name" returning "id"',
    `update "users" set "version" = "version" + 1, "name" = case when ("id" = $1 and "version" = $2) then $3 when ("id" = $4) then $5 else "name" end where "id" in ($6, $7) returning "version"`,
    'delete from "memberships" where ("team_id", "user_id") in (($1, $2), ($3, $4))',
    `select "d"."data"->>'a' from "documents" as "d" where ("d"."data"#>>'{a,b}')::float8 = $1 and "d"."data" @> $2::jsonb`,
  ])('needs no reset when the ORM wrote it: %s', (text) => {
    expect(mayChangeSession(text)).toBe(false);
  });

  it('needs none whatever stands between its words', () => {
    const words = HARMLESS_STATEMENTS.filter((text) => /^[\w\s,*=().]+$/.test(text));
    fc.assert(
      fc.property(fc.constantFrom(...words), fc.constantFrom(...COMMENTS), (text, comment) => {
        expect(mayChangeSession(text.replaceAll(' ', ` ${comment} `))).toBe(false);
      }),
    );
  });

  it('needs none whatever its strings and identifiers say', () => {
    const content = fc
      .oneof(fc.constantFrom(...CHANGING_STATEMENTS), fc.string())
      .map((text) => text.replaceAll('\\', ''));
    fc.assert(
      fc.property(content, (text) => {
        const string = `'${text.replaceAll("'", "''")}'`;
        const identifier = `"${text.replaceAll('"', '""')}"`;
        const quoted = `select ${string} as ${identifier}, E${string}, $q_q$ ${text} $q_q$ from t`;

        expect(mayChangeSession(quoted)).toBe(false);
      }),
    );
  });
});

describe('F14: a statement that may leave something behind', () => {
  it.each(CHANGING_STATEMENTS)('asks for a reset of the session: %s', (text) => {
    expect(mayChangeSession(text)).toBe(true);
  });

  it('asks for it whatever stands between its words, and in whatever case', () => {
    const texts = CHANGING_STATEMENTS.filter((text) => /^[\w\s,*=().]+$/.test(text));
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.constantFrom(...COMMENTS), (text, comment) => {
        expect(mayChangeSession(text.toUpperCase().replaceAll(' ', ` ${comment} `))).toBe(true);
      }),
    );
  });

  it('asks for it behind any other statement', () => {
    const any = [...HARMLESS_STATEMENTS, ...CHANGING_STATEMENTS];
    fc.assert(
      fc.property(fc.constantFrom(...any), fc.constantFrom(...CHANGING_STATEMENTS), (a, b) => {
        expect(mayChangeSession(`${a}; ${b}`)).toBe(true);
      }),
    );
  });

  it('asks for it when it calls a function that is not known, wherever', () => {
    const name = fc.stringMatching(/^[a-z_]{3,12}$/).map((text) => `zz_${text}`);
    const places = [
      'select @',
      'select distinct @',
      'select 1 + @ from t',
      'select * from t where a = 1 and @',
      'select case when a then @ else 1 end from t',
      'select (array[@])[1]',
      'select count(*) filter (where @) over (order by @) from t',
      'select * from @ as f (a)',
      'select * from t join u on @ = 1',
      'select * from t order by @ limit 1',
      'with a as (select @) select 1',
      'insert into t (a) values (@) on conflict (a) do nothing',
      'update t set a = @ where b in (1)',
      'delete from t returning @',
      'explain (analyze) select @',
      'declare c cursor for select @',
    ];
    const calls = ['f()', 'f (1)', '"f"(1)', 'public.f(1)', 'pg_catalog.f(1)', 'f/**/(1)'];
    fc.assert(
      fc.property(
        name,
        fc.constantFrom(...places),
        fc.constantFrom(...calls),
        (name, place, call) => {
          expect(mayChangeSession(place.replaceAll('@', call.replace('f', name)))).toBe(true);
        },
      ),
    );
  });

  it.each([
    'public.lower(a)',
    '"Lower"(a)',
    '"lo""wer"(a)',
    'x.pg_catalog.lower(a)',
    'public.in(a)',
  ])('asks for it when it calls a namesake of a known function: %s', (call) => {
    expect(mayChangeSession(`select ${call} from t`)).toBe(true);
  });

  it.each([
    '',
    ';',
    'nonsense',
    "select 'open",
    'select "open',
    'select $$open',
    'select /* open',
    'select \0',
    'select {',
  ])('is whatever cannot be understood: %j', (text) => {
    expect(mayChangeSession(text)).toBe(true);
  });

  it('is what is too long to be read', () => {
    expect(mayChangeSession(`select '${'x'.repeat(1_000_000)}'`)).toBe(true);
  });
});

describe('a text of any shape', () => {
  it.each([
    '(',
    ')',
    '(f',
    'a.',
    "''",
    "'",
    "E'\\''",
    '""',
    '$a$',
    '/*',
    '*/',
    '-- \n',
    'explain ',
    '1',
    ';',
    'a(b) ',
    '::',
  ])('is read in linear time: %s, again and again', (part) => {
    const text = `select ${part.repeat(65_000 / part.length)}`;
    const startedAt = performance.now();

    mayChangeSession(text);

    // It takes a few milliseconds; were it quadratic, minutes.
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('is never thrown at', () => {
    fc.assert(
      fc.property(fc.string({ unit: CODE_UNIT }), (text) => {
        expect([true, false]).toContain(mayChangeSession(`select ${text}`));
      }),
    );
  });
});
