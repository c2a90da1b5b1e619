import type { IMigrationRunner, Transaction } from '@mikro-orm/core';
import type { Migration } from '@mikro-orm/migrations';
import type { MigrationLimits } from '#config/settings.ts';
import type { BoundConnection } from '#database/bound-connection.ts';
import { DatabaseError } from '#database/database-error.ts';
import { assertValid, builtIndex, dropInvalid } from './invalid-indexes.ts';
import type { BuiltIndex } from './invalid-indexes.ts';
import { assertLockHeld } from './migration-lock.ts';
import { retryLocked } from './retry-locked.ts';
import type { RetryOptions } from './retry-locked.ts';
import { assertRepeatable, assertTransactional } from './statement-rules.ts';

export interface RunnerOptions extends Omit<RetryOptions, 'lockRetryMs'> {
  readonly limits: MigrationLimits;
}

type Method = 'up' | 'down';
type AfterRun = (tx?: Transaction) => Promise<void>;

const LIMITS = `select set_config('lock_timeout', ?, false), set_config('statement_timeout', ?, false)`;
const NEVER = 0;

/**
 * Runs one migration within its limits, and again when it got no lock. Its statements are looked at before the first
 * one is sent. One transaction has them all and the record; without one, each may be repeated, and the record is made
 * once all have succeeded.
 */
export class CarefulRunner implements IMigrationRunner {
  readonly #connection: BoundConnection;
  readonly #options: () => RunnerOptions;

  constructor(connection: BoundConnection, options: () => RunnerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  async run(migration: Migration, method: Method, afterRun?: AfterRun): Promise<void> {
    const { limits, onRetry, signal } = this.#options();
    await retryLocked(
      async () => {
        migration.reset();
        await this.#limit(limits.lockTimeoutMs);
        await (migration.isTransactional()
          ? this.#inTransaction(migration, method, afterRun)
          : this.#oneByOne(migration, method, afterRun));
      },
      { lockRetryMs: limits.lockRetryMs, onRetry, signal },
    );
  }

  setRunSchema(schema?: string): void {
    if (schema !== undefined) {
      throw new DatabaseError(
        'CONFIG_INVALID',
        'migrations name the schema they mean: there is no --schema',
      );
    }
  }

  /** Each migration has a transaction of its own. */
  setMasterMigration(): never {
    throw new DatabaseError('CONFIG_INVALID', 'bug: migrations are not run in one transaction');
  }

  unsetMasterMigration(): void {}

  async #inTransaction(migration: Migration, method: Method, afterRun?: AfterRun): Promise<void> {
    await this.#connection.transactional(async (tx) => {
      migration.setTransactionContext(tx);
      const statements = await statementsOf(migration, method);
      assertTransactional(migration.constructor.name, statements.filter(isText));
      for (const statement of statements) {
        await this.#connection.execute(statement, [], 'all', tx);
      }
      await afterRun?.(tx);
    });
  }

  async #oneByOne(migration: Migration, method: Method, afterRun?: AfterRun): Promise<void> {
    const statements = (await statementsOf(migration, method)).map(textOf);
    assertRepeatable(migration.constructor.name, statements);
    for (const sql of statements) {
      // A session that was lost since the last statement would be replaced by one without the lock.
      await assertLockHeld(this.#connection);
      await this.#repeatable(sql);
    }
    await this.#connection.transactional(async (tx) => afterRun?.(tx));
  }

  async #repeatable(sql: string): Promise<void> {
    const { limits } = this.#options();
    const built = builtIndex(sql);
    // It waits for whoever works with the table, and nobody waits for it.
    await this.#limit(/\bconcurrently\b/i.test(sql) ? NEVER : limits.lockTimeoutMs);
    if (built === undefined) {
      await this.#connection.execute(sql);
      return;
    }
    await dropInvalid(this.#connection, built);
    try {
      await this.#connection.execute(sql);
    } catch (error) {
      // The next run would drop it as well; until then it would cost every write.
      await this.#cleanUp(built).catch(() => undefined);
      throw error;
    }
    await assertValid(this.#connection, built);
  }

  async #cleanUp(built: BuiltIndex): Promise<void> {
    await assertLockHeld(this.#connection);
    await dropInvalid(this.#connection, built);
  }

  async #limit(lockTimeoutMs: number): Promise<void> {
    const { statementTimeoutMs } = this.#options().limits;
    await this.#connection.execute(LIMITS, [String(lockTimeoutMs), String(statementTimeoutMs)]);
  }
}

type Statement = ReturnType<Migration['getQueries']>[number];

async function statementsOf(migration: Migration, method: Method): Promise<readonly Statement[]> {
  await migration[method]();
  return migration.getQueries();
}

function isText(statement: Statement): statement is string {
  return typeof statement === 'string';
}

function textOf(statement: Statement): string {
  if (isText(statement)) {
    return statement;
  }
  throw new DatabaseError(
    'CONFIG_INVALID',
    'without a transaction, statements are plain SQL: what is built cannot be looked at',
  );
}
