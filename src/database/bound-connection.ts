import { isRaw } from '@mikro-orm/core';
import type {
  AnyEntity,
  Dictionary,
  EntityData,
  IsolationLevel,
  LogContext,
  LoggingOptions,
  QueryResult,
  RawQueryFragment,
  Transaction,
  TransactionEventBroadcaster,
} from '@mikro-orm/core';
import { EventType, NativeQueryBuilder, PostgreSqlConnection, raw } from '@mikro-orm/postgresql';
import type { PostgreSqlPlatform } from '@mikro-orm/postgresql';
import { AbortedTransactionError, CompiledQuery } from 'kysely';
import { beginsOrEnds } from './begins-or-ends.ts';
import { bindParameters } from './bind-parameters.ts';
import type { BoundStatement } from './bind-parameters.ts';
import { commitError } from './commit-error.ts';
import { DatabaseError } from './database-error.ts';
import { mapDatabaseError } from './map-database-error.ts';
import { OpenStreams } from './open-streams.ts';

type Query = string | NativeQueryBuilder | RawQueryFragment;
type Method = 'all' | 'get' | 'run';

/** As MikroORM declares what `begin` returns and `commit` takes. */
type OpenTransaction = Parameters<PostgreSqlConnection['commit']>[0];

interface BeginOptions {
  readonly isolationLevel?: IsolationLevel;
  readonly readOnly?: boolean;
  readonly ctx?: OpenTransaction;
  readonly eventBroadcaster?: TransactionEventBroadcaster;
}

/**
 * MikroORM's connection with three differences. Values travel as parameters: MikroORM 7 writes them into the text of
 * every statement (mikro-orm#8001). `readOnly: false` begins a transaction that may write on a connection whose
 * default is read-only. And whatever fails is a DatabaseError, a COMMIT without an answer among them.
 */
export class BoundConnection extends PostgreSqlConnection {
  declare protected platform: PostgreSqlPlatform;
  readonly #streams = new OpenStreams();

  override async execute<T extends QueryResult | EntityData<AnyEntity> | EntityData<AnyEntity>[]>(
    query: Query,
    params: readonly unknown[] | Dictionary = [],
    method: Method = 'all',
    ctx?: Transaction,
    loggerContext?: LoggingOptions,
  ): Promise<T> {
    await this.ensureConnection();
    const statement = this.#bind(query, params);
    this.#streams.assertNone(ctx);
    if (ctx !== undefined && beginsOrEnds(statement.text)) {
      throw new DatabaseError(
        'DB_QUERY_FAILED',
        'a session begins and ends its transaction itself: use transaction(…) for a part that may fail alone',
      );
    }
    const result = await mapped(() =>
      (ctx ?? this.getClient()).executeQuery(
        CompiledQuery.raw(statement.text, [...statement.values]),
        abortOptions(loggerContext),
      ),
    );
    return this.transformRawResult(result, method);
  }

  override async *stream<T extends EntityData<AnyEntity>>(
    query: Query,
    params: readonly unknown[] | Dictionary = [],
    ctx?: Transaction,
    loggerContext?: LogContext,
    chunkSize = 100,
  ): AsyncIterableIterator<T> {
    for await (const batch of this.streamBatches<T>(query, params, chunkSize, ctx, loggerContext)) {
      yield* batch;
    }
  }

  /** As `stream`, `batchSize` rows at a time: a row costs no promise of its own. */
  async *streamBatches<T extends EntityData<AnyEntity>>(
    query: Query,
    params: readonly unknown[] | Dictionary,
    batchSize: number,
    ctx?: Transaction,
    loggerContext?: LogContext,
  ): AsyncGenerator<T[], void, undefined> {
    await this.ensureConnection();
    const statement = this.#bind(query, params);
    const compiled = CompiledQuery.raw(statement.text, [...statement.values]);
    this.#streams.assertNone(ctx);
    const ended = this.#streams.started(ctx);
    try {
      const executor = (ctx ?? this.getClient()).getExecutor();
      for await (const chunk of executor.stream(compiled, batchSize, abortOptions(loggerContext))) {
        yield this.transformRawResult<T[]>(chunk, 'all');
      }
    } catch (error) {
      throw mapDatabaseError(error) ?? error;
    } finally {
      ended();
    }
  }

  override async begin(options: BeginOptions = {}): Promise<OpenTransaction> {
    this.#streams.assertNone(options.ctx);
    if (options.ctx !== undefined || options.readOnly === undefined) {
      const nested = await mapped(() => super.begin(options));
      this.#streams.nest(nested, options.ctx);
      return nested;
    }
    await this.ensureConnection();
    await options.eventBroadcaster?.dispatchEvent(EventType.beforeTransactionStart);
    let builder = this.getClient()
      .startTransaction()
      .setAccessMode(options.readOnly ? 'read only' : 'read write');
    if (options.isolationLevel !== undefined) {
      builder = builder.setIsolationLevel(options.isolationLevel);
    }
    const transaction = await mapped(() => builder.execute());
    await options.eventBroadcaster?.dispatchEvent(EventType.afterTransactionStart, transaction);
    return transaction;
  }

  /**
   * Commits. A listener of `beforeTransactionCommit` that throws keeps it from being sent; one of
   * `afterTransactionCommit` cannot take it back any more, and is warned of.
   *
   * @throws DatabaseError `DB_COMMIT_UNKNOWN` when it was sent and not answered
   */
  override async commit(
    ctx: OpenTransaction,
    eventBroadcaster?: TransactionEventBroadcaster,
    loggerContext?: LogContext,
  ): Promise<void> {
    if ('savepointName' in ctx) {
      await mapped(() => super.commit(ctx, eventBroadcaster, loggerContext));
      return;
    }
    await eventBroadcaster?.dispatchEvent(EventType.beforeTransactionCommit, ctx);
    try {
      await ctx.commit().execute();
    } catch (error) {
      throw error instanceof AbortedTransactionError ? abortedCommit() : commitError(error);
    }
    await eventBroadcaster
      ?.dispatchEvent(EventType.afterTransactionCommit, ctx)
      .catch(warnOfListener);
  }

  override async rollback(
    ctx: OpenTransaction,
    eventBroadcaster?: TransactionEventBroadcaster,
    loggerContext?: LogContext,
  ): Promise<void> {
    await mapped(() => super.rollback(ctx, eventBroadcaster, loggerContext));
  }

  #bind(query: Query, params: readonly unknown[] | Dictionary): BoundStatement {
    let statement = query instanceof NativeQueryBuilder ? query.toRaw() : query;
    if (typeof statement === 'string') {
      if (isList(params)) {
        return bindParameters(statement, params, this.platform);
      }
      // Named parameters (`:name`) become positional ones.
      statement = raw(statement, params);
    }
    if (!isRaw(statement)) {
      throw new DatabaseError(
        'DB_UNBINDABLE_VALUE',
        'a statement must be a string, a query builder or a raw fragment',
      );
    }
    return bindParameters(statement.sql, statement.params, this.platform);
  }
}

function isList(params: readonly unknown[] | Dictionary): params is readonly unknown[] {
  return Array.isArray(params);
}

async function mapped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw mapDatabaseError(error) ?? error;
  }
}

function abortedCommit(): DatabaseError {
  return new DatabaseError(
    'DB_QUERY_FAILED',
    'commit was answered by rollback: an earlier statement had failed and its error was not passed on',
  );
}

/** The work is committed, whatever its listener makes of it. */
function warnOfListener(error: unknown): void {
  process.emitWarning('a listener of afterTransactionCommit failed; the transaction is committed', {
    type: 'AfterCommitWarning',
    detail: error instanceof Error ? String(error.stack) : String(error),
  });
}

interface AbortOptions {
  readonly signal?: AbortSignal;
  readonly inflightQueryAbortStrategy?: 'ignore query' | 'cancel query' | 'kill session';
}

/** MikroORM carries the abort options of an EntityManager inside the logger's context. */
function abortOptions(context: LoggingOptions | undefined): AbortOptions | undefined {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter: MikroORM's own undeclared convention
  const options = context as AbortOptions | undefined;
  return options?.signal === undefined
    ? undefined
    : {
        signal: options.signal,
        ...(options.inflightQueryAbortStrategy && {
          inflightQueryAbortStrategy: options.inflightQueryAbortStrategy,
        }),
      };
}
