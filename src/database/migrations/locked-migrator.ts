import type {
  IMigratorStorage,
  MigrateOptions,
  MigrationInfo,
  MigrationRow,
  MikroORM,
} from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { EntityManager } from '@mikro-orm/postgresql';
import type { MigrationResult } from '@mikro-orm/migrations';
import { BoundConnection } from '#database/bound-connection.ts';
import { DatabaseError } from '#database/database-error.ts';
import { expectedMigrations } from './expected-migrations.ts';
import { FencedStorage } from './fenced-storage.ts';
import { withMigrationLock } from './migration-lock.ts';
import type { LockOptions } from './migration-lock.ts';

export interface LockedMigratorOptions extends LockOptions {
  /** Folder of the migrations, absolute. */
  readonly migrationsDir: string;
}

/**
 * MikroORM's migrator, changed in three points: whatever changes the database runs under one lock, asking changes
 * nothing, and a version that does not exist is refused (MikroORM would take it for "all of them").
 */
export class LockedMigrator extends Migrator {
  readonly #options: LockedMigratorOptions;

  constructor(em: ConstructorParameters<typeof Migrator>[0], options: LockedMigratorOptions) {
    super(em);
    this.#options = options;
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

  protected override createStorage(): IMigratorStorage {
    return new FencedStorage(this.driver, this.options);
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

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const connection = this.driver.getConnection();
    if (!(connection instanceof BoundConnection)) {
      throw new DatabaseError('CONFIG_INVALID', 'bug: migrations need our own driver');
    }
    return await withMigrationLock(connection, this.#options, work);
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
