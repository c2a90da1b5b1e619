import type {
  IMigrationRunner,
  IMigratorStorage,
  MigrateOptions,
  MigrationInfo,
  MigrationRow,
  MikroORM,
} from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { EntityManager } from '@mikro-orm/postgresql';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import type { MigrationResult } from '@mikro-orm/migrations';
import type { MigrationLimits } from '#config/settings.ts';
import { BoundConnection } from '#database/bound-connection.ts';
import { DatabaseError } from '#database/database-error.ts';
import { CarefulRunner } from './careful-runner.ts';
import { exactVersion, exactVersions } from './exact-versions.ts';
import { expectedMigrations } from './expected-migrations.ts';
import { FencedStorage } from './fenced-storage.ts';
import type { StorageOptions } from './fenced-storage.ts';
import { editedMigrations, migrationChecksums } from './migration-checksum.ts';
import type { RecordedMigration } from './migration-checksum.ts';
import { withMigrationLock } from './migration-lock.ts';
import type { LockOptions } from './migration-lock.ts';
import { addRecordColumns, adoptRecord, readRecords } from './migration-records.ts';
import { retryLocked } from './retry-locked.ts';

export interface LockedMigratorOptions extends LockOptions, StorageOptions {
  readonly limits: MigrationLimits;
  /** Told before a migration that got no lock is tried again. */
  readonly onRetry?: (error: DatabaseError, waitMs: number) => void;
  /** Told the names of applied migrations whose present text is now on record, since none was. */
  readonly onAdopted?: (names: readonly string[]) => void;
}

/** What is applied, oldest first, and what there is in the folder. */
interface Comparison {
  readonly records: readonly RecordedMigration[];
  readonly checksums: ReadonlyMap<string, string>;
}

/**
 * MikroORM's migrator, changed in four points: whatever changes the database runs under one lock, asking changes
 * nothing, a version that does not exist or is not applied is no way back (MikroORM would take it for "all of them"),
 * and a database whose applied migrations are not the ones in the folder is refused.
 */
export class LockedMigrator extends Migrator {
  readonly #options: LockedMigratorOptions;

  constructor(em: ConstructorParameters<typeof Migrator>[0], options: LockedMigratorOptions) {
    super(em);
    this.#options = {
      ...options,
      onRetry: (error, waitMs) => {
        this.#log(`${error.code}: another attempt in ${waitMs} ms`);
        options.onRetry?.(error, waitMs);
      },
    };
  }

  override async getPending(): Promise<MigrationInfo[]> {
    const executed = new Set(await this.storage.executed());
    const all = await this.discoverMigrations();
    return all
      .filter(({ name }) => !executed.has(name))
      .map(({ name, path }) => ({ name, ...(path !== undefined && { path }) }));
  }

  override async getExecuted(): Promise<MigrationRow[]> {
    return await this.storage.getExecutedMigrations();
  }

  override async rollup(): Promise<MigrationResult> {
    throw new DatabaseError(
      'CONFIG_INVALID',
      'merged migrations are never rewritten: other databases may have applied some of them',
    );
  }

  override async logMigration(name: string): Promise<void> {
    const known = await expectedMigrations(this.#options.migrationsDir);
    await this.#locked(() => super.logMigration(exactVersion(known, name)));
  }

  override async unlogMigration(name: string): Promise<void> {
    await this.#locked(async () => {
      const applied = await this.storage.executed();
      await super.unlogMigration(exactVersion(applied, name, `${name} is not applied`));
    });
  }

  /** Exit code 1 of `migration:check`: entities without a migration. Applied migrations are compared where they can be. */
  override async checkSchema(): Promise<boolean> {
    const hasChanges = await super.checkSchema();
    const comparison = await this.#compare().catch((error: unknown) => {
      if (error instanceof DatabaseError) {
        this.#log(`Applied migrations are not compared with their files: ${error.code}`);
        return undefined;
      }
      throw error;
    });
    if (comparison !== undefined) {
      assertNoneEdited(comparison);
    }
    return hasChanges;
  }

  // What these two are given is read when they work: MikroORM makes them before our constructor has run.
  protected override createStorage(): IMigratorStorage {
    return new FencedStorage(
      this.driver,
      this.options,
      connectionOf(this.driver),
      () => this.#options,
    );
  }

  protected override createRunner(): IMigrationRunner {
    return new CarefulRunner(connectionOf(this.driver), () => this.#options);
  }

  protected override async runMigrations(
    method: 'up' | 'down',
    options: string | string[] | MigrateOptions = {},
  ): Promise<MigrationInfo[]> {
    const known = await expectedMigrations(this.#options.migrationsDir);
    const exact = exactVersions(known, options);
    return await this.#locked(async () => {
      const comparison = await this.#compare();
      if (method === 'down') {
        assertRevertible(comparison, exact.to);
      }
      assertNoneEdited(comparison);
      await this.#adopt(comparison);
      return await super.runMigrations(method, exact);
    });
  }

  /** By name, from the folder itself: MikroORM's pattern would stumble over a bracket in the folder's path. */
  protected override async discoverMigrations(): ReturnType<Migrator['discoverMigrations']> {
    const { migrationsDir } = this.#options;
    const names = await expectedMigrations(migrationsDir);
    return names.map((name) =>
      this.resolve({ name: `${name}.ts`, path: `${migrationsDir}/${name}.ts` }),
    );
  }

  /** Under the lock, on a database whose list of migrations has all of its columns. */
  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const { limits, onRetry, signal } = this.#options;
    return await withMigrationLock(connectionOf(this.driver), this.#options, async () => {
      await this.init();
      await retryLocked(() => addRecordColumns(connectionOf(this.driver)), {
        ...limits,
        onRetry,
        signal,
      });
      return await work();
    });
  }

  async #compare(): Promise<Comparison> {
    return {
      records: await readRecords(connectionOf(this.driver)),
      checksums: await migrationChecksums(this.#options.migrationsDir),
    };
  }

  /** What was applied by a release from before checksums is taken as it is. */
  async #adopt({ records, checksums }: Comparison): Promise<void> {
    const adopted: string[] = [];
    for (const { name, checksum: recorded } of records) {
      const checksum = checksums.get(name);
      if (recorded === null && checksum !== undefined) {
        await adoptRecord(connectionOf(this.driver), { name, checksum });
        adopted.push(name);
        this.#log(`Recorded the checksum of '${name}'`);
      }
    }
    if (adopted.length > 0) {
      this.#options.onAdopted?.(adopted);
    }
  }

  #log(line: string): void {
    this.config.getLogger().log('migrator', line, { enabled: true });
  }
}

/** What registers the migrator: MikroORM adds its own unless one is there by the name it looks for. */
export function lockedMigratorExtension(
  options: LockedMigratorOptions,
  wrap: (migrator: LockedMigrator) => LockedMigrator = (migrator) => migrator,
): { readonly name: 'Migrator'; register(orm: MikroORM): void } {
  return {
    name: 'Migrator',
    register: (orm) =>
      orm.config.registerExtension('@mikro-orm/migrator', () => {
        if (!(orm.em instanceof EntityManager)) {
          throw new DatabaseError(
            'CONFIG_INVALID',
            'bug: migrations need an entity manager of SQL',
          );
        }
        return wrap(new LockedMigrator(orm.em, options));
      }),
  };
}

/** The last one applied may be unknown here, when a newer release applied it. */
function assertRevertible({ records, checksums }: Comparison, to: MigrateOptions['to'] = 0): void {
  const last = records.at(-1);
  if (last !== undefined && !checksums.has(last.name)) {
    throw new DatabaseError(
      'CONFIG_INVALID',
      `${last.name} was applied last and is not in the migrations folder: revert with the release that has it`,
    );
  }
  if (to !== 0 && !records.some(({ name }) => name === to)) {
    throw new DatabaseError('CONFIG_INVALID', `${to} is not applied: there is no way back to it`);
  }
}

function assertNoneEdited({ records, checksums }: Comparison): void {
  const names = editedMigrations(records, checksums);
  if (names.length > 0) {
    throw new DatabaseError(
      'CONFIG_INVALID',
      `${names.join(', ')} was edited after it was applied: restore the file and write the change as a new migration (docs/migrations.md tells how to accept it)`,
      { migrations: names },
    );
  }
}

function connectionOf(driver: AbstractSqlDriver): BoundConnection {
  const connection = driver.getConnection();
  if (!(connection instanceof BoundConnection)) {
    throw new DatabaseError('CONFIG_INVALID', 'bug: migrations need our own driver');
  }
  return connection;
}
