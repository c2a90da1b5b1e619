import type { MigrateOptions } from '@mikro-orm/core';
import { DatabaseError } from '#database/database-error.ts';

/**
 * A migration as it is recorded, of those that are known: typed with or without `Migration`, title and `.ts`.
 *
 * @throws DatabaseError `CONFIG_INVALID` when there is none; MikroORM would revert all of them, or unlog nothing
 */
export function exactVersion(
  known: readonly string[],
  typed: string | number,
  fault = `there is no migration ${typed}`,
): string {
  const start = `Migration${String(typed).replaceAll(/^Migration|\.ts$/g, '')}`;
  const exact = known.find((name) => name === start || name.startsWith(`${start}_`));
  if (exact === undefined) {
    throw new DatabaseError('CONFIG_INVALID', fault);
  }
  return exact;
}

/** What MikroORM is asked for, with every migration by its exact name; the number 0 is "before all of them". */
export function exactVersions(
  known: readonly string[],
  options: string | string[] | MigrateOptions,
): MigrateOptions {
  const exact = (typed: string | number) => exactVersion(known, typed);
  if (typeof options === 'string' || Array.isArray(options)) {
    return { migrations: [options].flat().map(exact) };
  }
  const { from = 0, to, migrations, ...rest } = options;
  return {
    ...rest,
    ...(from !== 0 && { from: exact(from) }),
    ...(to !== undefined && { to: to === 0 ? 0 : exact(to) }),
    ...(migrations !== undefined && { migrations: migrations.map(exact) }),
  };
}
