import type { Transaction } from '@mikro-orm/core';
import type { BoundConnection } from '#database/bound-connection.ts';
import type { RecordedMigration } from './migration-checksum.ts';

/** Where MikroORM lists the applied migrations; our columns stand beside its own. */
export const MIGRATIONS_TABLE = 'mikro_orm_migrations';

/** What is recorded of a migration beside its name and the time. */
interface MigrationRecord extends RecordedMigration {
  /** Which build of the service applied it. */
  readonly release: string;
}

/** The service's probe asks this table every second, with a deadline of a second. */
const LOCK_TIMEOUT = `select set_config('lock_timeout', '500', false)`;
const MISSING = `select count(*) < 3 as "missing" from pg_attribute
  where attrelid = to_regclass(?) and attname in ('checksum', 'applied_by', 'release') and not attisdropped`;
const ADD = `alter table "${MIGRATIONS_TABLE}" add column if not exists "checksum" varchar(64),
  add column if not exists "applied_by" varchar(63), add column if not exists "release" varchar(255)`;
const EXISTS = 'select to_regclass(?) is not null as "exists"';
/** What is applied, in the order it was. Reads a table without our columns, too: a release from before them made it. */
export const READ_RECORDS = `select m."name", to_jsonb(m) ->> 'checksum' as "checksum" from "${MIGRATIONS_TABLE}" m order by m."id"`;
const COMPLETE = `update "${MIGRATIONS_TABLE}" set "checksum" = ?, "applied_by" = session_user, "release" = left(?, 255)
  where "name" = ?`;
const ADOPT = `update "${MIGRATIONS_TABLE}" set "checksum" = ? where "name" = ? and "checksum" is null`;

/** Adds our columns to MikroORM's table where they are missing. */
export async function addRecordColumns(connection: BoundConnection): Promise<void> {
  const row = await connection.execute<{ missing: boolean }>(MISSING, [MIGRATIONS_TABLE], 'get');
  if (row.missing) {
    await connection.execute(LOCK_TIMEOUT);
    await connection.execute(ADD);
  }
}

/** Tells whether there is a table of applied migrations; all of them may have been reverted. Changes nothing. */
export async function hasRecordsTable(connection: BoundConnection): Promise<boolean> {
  const row = await connection.execute<{ exists: boolean }>(EXISTS, [MIGRATIONS_TABLE], 'get');
  return row.exists;
}

/** What is applied, in the order it was. Changes nothing. */
export async function readRecords(
  connection: BoundConnection,
): Promise<readonly RecordedMigration[]> {
  return (await hasRecordsTable(connection))
    ? await connection.execute<RecordedMigration[]>(READ_RECORDS)
    : [];
}

/** Notes who applied a migration that is recorded by name, from which build and which text. */
export async function completeRecord(
  connection: BoundConnection,
  { name, checksum, release }: MigrationRecord,
  tx?: Transaction,
): Promise<void> {
  await connection.execute(COMPLETE, [checksum, release, name], 'run', tx);
}

/** Takes the text that a migration has now for the one that was applied. */
export async function adoptRecord(
  connection: BoundConnection,
  { name, checksum }: RecordedMigration,
): Promise<void> {
  await connection.execute(ADOPT, [checksum, name], 'run');
}
