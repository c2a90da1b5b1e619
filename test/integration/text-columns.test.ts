import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestDatabase } from '#test/support/test-database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});

afterAll(async () => {
  await database.drop();
});

/** Columns that could hold a value too large to be read, since no constraint is about their length or their values. */
async function boundless(): Promise<string[]> {
  const rows = await database.query<{ column: string }>(`
    select format('%s.%s', c.relname, a.attname) as column
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and t.typlen = -1 and a.atttypmod = -1 and not exists (
        select from pg_constraint k
        where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any(k.conkey) and k.convalidated
          and pg_get_constraintdef(k.oid) ~ ('char_length\\(' || a.attname || '\\) <=|' || a.attname || ' = ANY')
      ) order by 1`);
  return rows.map(({ column }) => column);
}

it('F44: every column of variable length is bounded by a constraint', async () => {
  expect(await boundless()).toEqual([]);
});

it('F44 control: a column without one is noticed', async () => {
  await database.query('alter table teams add column note text, add column data jsonb');

  expect(await boundless()).toEqual(['teams.data', 'teams.note']);

  await database.query('alter table teams drop column note, drop column data');
});

it.each([
  ['users_email_length', `'x' || repeat('y', 254)`, `'Ada'`],
  ['users_name_length', `'somebody'`, `repeat('é', 101)`],
  ['users_name_length', `'somebody'`, `repeat('x', 1000000)`],
])('F44: %s refuses what is too long', async (constraint, email, name) => {
  const insert = database.query(
    `insert into users values (gen_random_uuid(), now(), now(), 1, ${email}, ${name})`,
  );

  await expect(insert).rejects.toMatchObject({ code: '23514', constraint });
});
