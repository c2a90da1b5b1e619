import type { MigrationsOptions, Transaction } from '@mikro-orm/core';
import { MigrationStorage } from '@mikro-orm/migrations';
import type { BoundConnection } from '#database/bound-connection.ts';
import { DatabaseError } from '#database/database-error.ts';
import { checksumOf } from './migration-checksum.ts';
import { MIGRATION_LOCK_KEY } from './migration-lock.ts';
import { completeRecord, hasRecordsTable, MIGRATIONS_TABLE } from './migration-records.ts';

export interface StorageOptions {
  /** Folder of the migrations, absolute. */
  readonly migrationsDir: string;
  /** Which build of the service applies them. */
  readonly release: string;
}

const FENCE = 'select pg_try_advisory_xact_lock(?::bigint) as "granted"';

/**
 * MikroORM's list of applied migrations, with three differences. Reading it creates nothing. A migration is recorded
 * only under the lock and only once: were the session lost that held the lock, and another run faster, the whole
 * transaction is rolled back. And its record says of which text it is, who applied it and from which build.
 */
export class FencedStorage extends MigrationStorage {
  readonly #connection: BoundConnection;
  readonly #options: () => StorageOptions;

  constructor(
    driver: ConstructorParameters<typeof MigrationStorage>[0],
    options: MigrationsOptions,
    connection: BoundConnection,
    own: () => StorageOptions,
  ) {
    super(driver, options);
    this.#connection = connection;
    this.#options = own;
  }

  override async getExecutedMigrations(): ReturnType<MigrationStorage['getExecutedMigrations']> {
    return (await hasRecordsTable(this.#connection)) ? await super.getExecutedMigrations() : [];
  }

  override async logMigration(params: { name: string }, tx?: Transaction): Promise<void> {
    const { name } = params;
    if (tx !== undefined) {
      const fence = await this.#connection.execute<{ granted: boolean }>(
        FENCE,
        [MIGRATION_LOCK_KEY],
        'get',
        tx,
      );
      if (!fence.granted) {
        throw new DatabaseError(
          'DB_MIGRATION_LOCKED',
          `the lock was lost and another run has it: ${name} was rolled back`,
        );
      }
    }
    const applied = await this.#connection.execute<unknown[]>(
      'select 1 from ?? where "name" = ?',
      [MIGRATIONS_TABLE, name],
      'all',
      tx,
    );
    if (applied.length > 0) {
      throw new DatabaseError('DB_MIGRATION_LOCKED', `${name} is recorded as applied already`);
    }
    await super.logMigration(params, tx);
    const { migrationsDir, release } = this.#options();
    const checksum = await checksumOf(migrationsDir, name);
    await completeRecord(this.#connection, { name, checksum, release }, tx);
  }
}
