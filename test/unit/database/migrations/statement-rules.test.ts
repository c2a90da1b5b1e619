import { describe, expect, it } from 'vitest';
import { assertRepeatable, assertTransactional } from '#database/migrations/statement-rules.ts';

const transactional = (...statements: readonly string[]) =>
  assertTransactional('Migration1', statements);
const repeatable = (...statements: readonly string[]) => assertRepeatable('Migration1', statements);

describe('in a transaction', () => {
  it.each([
    'create index "a_idx" on "a" ("b")',
    `insert into "log" values ('create index concurrently')`,
    'create table "vacuum" ()',
    `alter type "mood" add value 'glad'`,
    'savepoint "one"; rollback to "one"',
    'savepoint "one"; rollback work to "one"',
    'savepoint "one"; rollback transaction to savepoint "one"',
    'create function "one"() returns int begin atomic select 1; end',
    `do $$ begin execute 'select 1'; end $$`,
    'refresh materialized view concurrently "sums"',
    'reindex table "a"',
  ])('may be: %s', (sql) => {
    expect(() => transactional('select 1', sql)).not.toThrow();
  });

  it.each([
    'create index concurrently "a_idx" on "a" ("b")',
    'CREATE UNIQUE INDEX /* later */ CONCURRENTLY a_idx ON a (b)',
    'drop index concurrently "a_idx"',
    'reindex index concurrently "a_idx"',
    'reindex (verbose, concurrently) table "a"',
    'reindex database "x"',
    'create table "a" (); vacuum "a"',
    'alter system set work_mem = 1',
  ])('cannot be: %s', (sql) => {
    expect(() => transactional('select 1', sql)).toThrow(
      /^Migration1: statement 2 cannot be in a transaction: .*isTransactional.*; nothing of it was applied$/,
    );
  });

  it.each([
    'commit',
    'begin',
    'select 1; ROLLBACK',
    'rollback work',
    'end',
    'start transaction read only',
  ])('which is not ended by hand: %s', (sql) => {
    expect(() => transactional(sql)).toThrow(/statement 1 begins or ends a transaction/);
  });
});

describe('without a transaction', () => {
  it.each([
    'create index concurrently if not exists "a_idx" on "a" ("b");',
    'create unique index concurrently if not exists a_idx on a (b)',
    'drop index concurrently if exists "a_idx"',
    'reindex index concurrently "a_idx"',
    `alter type "mood" add value if not exists 'glad'`,
    'create table if not exists "a" ()',
    'create or replace view "v" as select 1',
    'alter table "a" add column if not exists "b" numeric(10, 2), drop column if exists "c"',
    'alter table only "a" validate constraint "a_check"',
    'vacuum "a"',
    'alter system set work_mem = 1',
    'alter system reset work_mem',
  ])('may be repeated: %s', (sql) => {
    expect(() => repeatable(sql)).not.toThrow();
  });

  it.each([
    'create index concurrently "a_idx" on "a" ("b")',
    'create index if not exists "a_idx" on "a" ("b")',
    'create index concurrently "if not exists" on "a" ("b")',
    'drop index concurrently "a_idx"',
    `alter type "mood" add value 'glad'`,
    'create table "a" ()',
    'alter table "a" add column if not exists "b" int, add column "c" int',
    'update "a" set "b" = "b" + 1',
    'insert into "a" values (1)',
    `select 'unclear\\'`,
  ])('is refused, since it may not: %s', (sql) => {
    expect(() => repeatable('analyze', sql)).toThrow(
      /^Migration1: statement 2 is not safe to repeat/,
    );
  });

  it('each statement is sent by itself', () => {
    expect(() => repeatable('analyze "a"; vacuum "a"')).toThrow(/statement 1 is more than one/);
  });
});

describe('in no migration', () => {
  it.each([
    ['alter table "a" detach partition "b" concurrently', 'write it without `concurrently`'],
    ['ALTER TABLE only a DETACH PARTITION b CONCURRENTLY;', 'write it without `concurrently`'],
    ['create database "a"', 'it is for whoever runs the server'],
    [`create tablespace "a" location '/a'`, 'it is for whoever runs the server'],
  ])('may be, whether it has a transaction or not: %s', (sql, advice) => {
    const fault = `statement 2 can be in no migration: ${advice}`;

    expect(() => transactional('select 1', sql)).toThrow(fault);
    expect(() => repeatable('analyze', sql)).toThrow(fault);
  });

  it.each([
    'alter table "a" detach partition "b"',
    'alter table "a" detach partition "b" finalize',
  ])('but in one with a transaction: %s', (sql) => {
    expect(() => transactional(sql)).not.toThrow();
  });
});
