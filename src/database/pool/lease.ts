import type { PostgresCursor, PostgresQueryResult } from 'kysely';
import type { QueryResult, Submittable } from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import { mapDatabaseError } from '#database/map-database-error.ts';
import { toSentValue } from '#database/to-parameter.ts';
import type { PooledConnection } from './pooled-connection.ts';
import type { StatementNames } from './statement-names.ts';

/** What a lease tells its pool. */
export interface LeaseOwner {
  /** Undefined: statements are sent unnamed. */
  readonly statementNames: StatementNames | undefined;
  returned(lease: Lease, mustDestroy: boolean): void;
  queryEnded(durationMs: number, code: DatabaseErrorCode | undefined): void;
  /** A prepared statement's plan no longer fits the schema. */
  planWentStale(lease: Lease): void;
}

/** The right to use one connection until `release`, in the shape that kysely expects of a pool's client. */
export class Lease {
  readonly connection: PooledConnection;
  readonly #owner: LeaseOwner;
  #isReleased = false;

  constructor(connection: PooledConnection, owner: LeaseOwner) {
    this.connection = connection;
    this.#owner = owner;
  }

  /** Process id of the server's backend; 0 when it is not known. */
  get processID(): number {
    return this.connection.pid ?? 0;
  }

  query<R>(text: string, values?: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    statement: string | PostgresCursor<R>,
    values: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (this.#isReleased) {
      throw new DatabaseError(
        'DB_CONNECTION_LOST',
        'bug: a connection was used after it had been released',
      );
    }
    if (typeof statement !== 'string') {
      // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter: kysely declares a cursor by what it reads, pg by what it submits.
      const cursor = this.connection.client.query(statement as PostgresCursor<R> & Submittable);
      return readMapped(cursor, this.connection);
    }
    return this.#run<R>(statement, values);
  }

  /** Gives the connection back, once; later calls do nothing. */
  release(mustDestroy = false): void {
    if (!this.#isReleased) {
      this.#isReleased = true;
      this.#owner.returned(this, mustDestroy);
    }
  }

  async #run<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const startedAt = performance.now();
    let code: DatabaseErrorCode | undefined;
    try {
      return await this.#send<R>(text, values, this.#nameOf(text, values));
    } catch (error) {
      const mapped = mapDatabaseError(error);
      code = mapped?.code;
      throw mapped ?? error;
    } finally {
      this.#owner.queryEnded(performance.now() - startedAt, code);
    }
  }

  async #send<R>(
    text: string,
    values: readonly unknown[],
    name: string | undefined,
  ): Promise<PostgresQueryResult<R>> {
    const { client } = this.connection;
    try {
      const result = await client.query({
        text,
        values: values.map(toSentValue),
        ...(name !== undefined && { name }),
      });
      for (const { command } of resultsOf(result)) {
        this.connection.noteCommand(command, text);
      }
      // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter: kysely declares the commands it knows and a row count that is never null.
      return result as QueryResult & PostgresQueryResult<R>;
    } catch (error) {
      await this.connection.settled();
      if (name === undefined || !isStalePlan(error)) {
        throw error;
      }
      this.#owner.planWentStale(this);
      if (client.getTransactionStatus() !== 'I') {
        // The transaction is aborted: only its owner can decide to repeat it.
        throw error;
      }
      return this.#send<R>(text, values, undefined);
    }
  }

  #nameOf(text: string, values: readonly unknown[]): string | undefined {
    const name = values.length === 0 ? undefined : this.#owner.statementNames?.nameOf(text);
    return name === undefined ? undefined : this.connection.prepare(name);
  }
}

/** A cursor whose errors are DatabaseErrors, and that closes even when it failed or its connection is gone. */
function readMapped<R>(cursor: PostgresCursor<R>, connection: PooledConnection): PostgresCursor<R> {
  let isFailed = false;
  return {
    read: async (count) => {
      try {
        return await cursor.read(count);
      } catch (error) {
        isFailed = true;
        await connection.settled();
        throw mapDatabaseError(error) ?? error;
      }
    },
    // pg-cursor would wait for an answer that a failed cursor has had and a lost connection never gives.
    close: async () => {
      if (!isFailed) {
        await connection.unlessLost(cursor.close());
      }
    },
  };
}

/** A text of several statements has several results, which pg does not declare. */
function resultsOf(result: QueryResult | readonly QueryResult[]): readonly QueryResult[] {
  return 'command' in result ? [result] : result;
}

/** `cached plan must not change result type` after a migration; 26000 when a function has dropped the statement. */
function isStalePlan(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const sqlState: unknown = Reflect.get(error, 'code');
  return (
    sqlState === '26000' ||
    (sqlState === '0A000' && Reflect.get(error, 'routine') === 'RevalidateCachedQuery')
  );
}
