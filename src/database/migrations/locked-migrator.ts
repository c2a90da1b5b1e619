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
import { expectedMigrations } from './expected-migrations.ts';
import { FencedStorage } from './fenced-storage.ts';
import type { StorageOptions } from './fenced-storage.ts';
import { editedMigrations, migrationChecksums } from './migration-checksum.ts';
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

/**
 * MikroORM's migrator, changed in four points: whatever changes the database runs under one lock, asking changes
 * nothing, a version that does not exist is refused (MikroORM would take it for "all of them"), and so is a database
 * whose applied migrations are not the ones in the folder.
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
    return all.filter(({ name }) => !executed.has(name)).map(({ name, path }) => info(name, path));
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
    const [known] = await this.#resolve([name]);
    await this.#locked(() => super.logMigration(known ?? name));
  }

  override async unlogMigration(name: string): Promise<void> {
    await this.#locked(() => super.unlogMigration(name));
  }

  /** Exit code 1 of `migration:check`: entities without a migration. Applied migrations are compared where they can be. */
  override async checkSchema(): Promise<boolean> {
    const hasChanges = await super.checkSchema();
    const edited = await this.#edited().catch((error: unknown) => {
      if (error instanceof DatabaseError) {
        this.#log(`Applied migrations are not compared with their files: ${error.code}`);
        return [];
      }
      throw error;
    });
    assertNoneEdited(edited);
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
    options?: string | string[] | MigrateOptions,
  ): Promise<MigrationInfo[]> {
    const exact = await this.#exact(options);
    return await this.#locked(async () => {
      if (method === 'down') {
        await this.#assertRevertible();
      }
      assertNoneEdited(await this.#edited());
      await this.#adopt();
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

  async #edited(): Promise<readonly string[]> {
    const { migrationsDir } = this.#options;
    return editedMigrations(
      await readRecords(connectionOf(this.driver)),
      await migrationChecksums(migrationsDir),
    );
  }

  /** What was applied by a release from before checksums is taken as it is. */
  async #adopt(): Promise<void> {
    const checksums = await migrationChecksums(this.#options.migrationsDir);
    const adopted: string[] = [];
    for (const { name, checksum: recorded } of await readRecords(connectionOf(this.driver))) {
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

  /** The last one applied may be unknown here, when a newer release applied it. */
  async #assertRevertible(): Promise<void> {
    const last = (await this.storage.executed()).at(-1);
    const known = await expectedMigrations(this.#options.migrationsDir);
    if (last !== undefined && !known.includes(last)) {
      throw new DatabaseError(
        'CONFIG_INVALID',
        `${last} was applied last and is not in the migrations folder: revert with the release that has it`,
      );
    }
  }

  async #exact(
    options: string | string[] | MigrateOptions | undefined,
  ): Promise<MigrateOptions | undefined> {
    if (options === undefined) {
      return undefined;
    }
    if (typeof options === 'string' || Array.isArray(options)) {
      return { migrations: await this.#resolve([options].flat()) };
    }
    const { from, to, migrations, ...rest } = options;
    const [exactFrom] = await this.#resolve(typeof from === 'string' ? [from] : []);
    const [exactTo] = await this.#resolve(typeof to === 'string' ? [to] : []);
    return {
      ...rest,
      ...(exactFrom !== undefined && { from: exactFrom }),
      ...(to !== undefined && { to: exactTo ?? to }),
      ...(migrations !== undefined && { migrations: await this.#resolve(migrations) }),
    };
  }

  /** Names as typed, with or without `Migration`, title and `.ts`, as they are recorded. */
  async #resolve(typed: readonly string[]): Promise<string[]> {
    const names = await expectedMigrations(this.#options.migrationsDir);
    return typed.map((text) => {
      const start = `Migration${text.replace(/^Migration|\.ts$/g, '')}`;
      const exact = names.find((name) => name === start || name.startsWith(`${start}_`));
      if (exact === undefined) {
        throw new DatabaseError('CONFIG_INVALID', `there is no migration ${text}`);
      }
      return exact;
    });
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

function info(name: string, path: string | undefined): MigrationInfo {
  return { name, ...(path !== undefined && { path }) };
}

function assertNoneEdited(names: readonly string[]): void {
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
