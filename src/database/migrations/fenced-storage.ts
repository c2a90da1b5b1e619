import type { Transaction } from '@mikro-orm/core';
import { MigrationStorage } from '@mikro-orm/migrations';
import { DatabaseError } from '#database/database-error.ts';
import { MIGRATION_LOCK_KEY } from './migration-lock.ts';

/** Where the names of applied migrations are kept. */
export const MIGRATIONS_TABLE = 'mikro_orm_migrations';

const FENCE = 'select pg_try_advisory_xact_lock(?::bigint) as "granted"';

/**
 * MikroORM's list of applied migrations, with two differences. Reading it creates nothing. And a migration is recorded
 * only under the lock and only once: were the session lost that held the lock, and another run faster, the whole
 * transaction is rolled back.
 */
export class FencedStorage extends MigrationStorage {
  override async getExecutedMigrations(): ReturnType<MigrationStorage['getExecutedMigrations']> {
    const [row] = await this.driver.execute<{ exists: boolean }[]>(
      'select to_regclass(?) is not null as "exists"',
      [MIGRATIONS_TABLE],
    );
    return row?.exists === true ? await super.getExecutedMigrations() : [];
  }

  override async logMigration(params: { name: string }, tx?: Transaction): Promise<void> {
    if (tx !== undefined) {
      const [fence] = await this.driver.execute<{ granted: boolean }[]>(
        FENCE,
        [MIGRATION_LOCK_KEY],
        'all',
        tx,
      );
      if (fence?.granted !== true) {
        throw new DatabaseError(
          'DB_MIGRATION_LOCKED',
          `the lock was lost and another run has it: ${params.name} was rolled back`,
        );
      }
    }
    const applied = await this.driver.execute<unknown[]>(
      'select 1 from ?? where "name" = ?',
      [MIGRATIONS_TABLE, params.name],
      'all',
      tx,
    );
    if (applied.length > 0) {
      throw new DatabaseError(
        'DB_MIGRATION_LOCKED',
        `${params.name} is recorded as applied already`,
      );
    }
    await super.logMigration(params, tx);
  }
}
