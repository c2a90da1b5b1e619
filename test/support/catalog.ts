import type { TestDatabase } from './test-database.ts';

/** What a schema consists of, one line each. The order of columns counts, gaps left by dropped ones do not. */
const CATALOG = `
  with tables as (
    select c.oid, c.relname, c.relkind from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relname not like 'mikro\\_orm\\_migrations%'
  )
  select format('relation %s kind %s', relname, relkind) as line from tables
  union all
  select format('column %s.%s %s %s null:%s default:%s identity:%s generated:%s collation:%s', t.relname,
    row_number() over (partition by t.oid order by a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
    not a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attcollation::regcollation)
  from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
  union all
  select format('constraint %s.%s %s', t.relname, c.conname, pg_get_constraintdef(c.oid))
  from pg_constraint c join tables t on t.oid = c.conrelid
  union all
  select format('index %s', pg_get_indexdef(i.indexrelid)) from pg_index i join tables t on t.oid = i.indrelid
  union all
  select format('sequence %s %s %s', s.seqrelid::regclass, s.seqstart, s.seqincrement)
  from pg_sequence s join tables t on t.oid = s.seqrelid
  union all
  select format('trigger %s', pg_get_triggerdef(g.oid))
  from pg_trigger g join tables t on t.oid = g.tgrelid where not g.tgisinternal
  union all
  select format('type %s %s', y.typname, y.typtype)
  from pg_type y where y.typnamespace = 'public'::regnamespace and y.typrelid = 0 and y.typelem = 0
  union all
  select format('function %s', p.oid::regprocedure) from pg_proc p where p.pronamespace = 'public'::regnamespace
  order by 1`;

/** The schema of a database as sorted lines, without the table that lists the migrations. */
export async function catalogOf(database: TestDatabase): Promise<readonly string[]> {
  return (await database.query<{ line: string }>(CATALOG)).map(({ line }) => line);
}

/** Names of the migrations that are recorded, in the order they were applied. */
export async function recordedMigrations(database: TestDatabase): Promise<readonly string[]> {
  const rows = await database.query<{ name: string }>(
    'select name from mikro_orm_migrations order by id',
  );
  return rows.map(({ name }) => name);
}
