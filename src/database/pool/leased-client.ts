import type { PostgresCursor, PostgresQueryResult } from 'kysely';
import type { QueryResult } from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import type { QueryEnded } from '#database/database-observer.ts';
import { mapDatabaseError } from '#database/map-database-error.ts';
import { toSentValue } from '#database/to-parameter.ts';
import type { WorkScope } from '#database/work-scope.ts';
import { isStalePlan } from './is-stale-plan.ts';
import type { Lease } from './lease.ts';
import { LeaseCancel } from './lease-cancel.ts';
import type { CancelOwner } from './lease-cancel.ts';
import { leasedCursor } from './leased-cursor.ts';
import type { Failure } from './leased-cursor.ts';
import type { PooledConnection } from './pooled-connection.ts';
import { resultsOf } from './results-of.ts';
import { ShareMeter } from './share-meter.ts';
import type { StatementNames } from './statement-names.ts';
import { beginsWriter, WriteRight } from './write-right.ts';

/** A statement that is over: answered, failed, or read no further. */
export type EndedStatement = Pick<
  QueryEnded,
  'text' | 'durationMs' | 'isStream' | 'code' | 'sqlState'
>;

/** What a client tells and asks its pool. */
export interface LeasedClientOwner extends CancelOwner {
  /** Undefined: statements are sent unnamed. */
  readonly statementNames: StatementNames | undefined;
  /** The server's limit for one statement in milliseconds; 0 = none, and no watchdog. */
  readonly statementTimeoutMs: number;
  /** Behind a transaction pooler: what is sent along with a statement that begins a transaction; empty for others. */
  readonly openingOf?: ((text: string) => string) | undefined;
  /** What is appended to a statement on its way to the server, which is sent unnamed then. */
  readonly commentOf: (text: string, scope: WorkScope | undefined) => string | undefined;
  /** Whether a statement may leave something behind in the server session. */
  readonly mayChangeSession: (text: string) => boolean;
  readonly queryEnded: (lease: Lease<PooledConnection>, statement: EndedStatement) => void;
  /** What was learned on this lease makes the connections of its generation doubtful, at most once in `pauseMs`. */
  readonly doubted: (
    lease: Lease<PooledConnection>,
    reason: 'dirty' | 'failover',
    pauseMs?: number,
  ) => void;
}

/** The server ends a slow statement itself; when it has not done so by then, the network has swallowed the answer. */
const WATCHDOG_GRACE_MS = 1000;

/** As long as new connections lead to a standby, too, every transaction that may write finds that out again. */
const STANDBY_PAUSE_MS = 1000;

/** Nobody's commit waits for longer to be told where it is in the write-ahead log. */
const POSITION_DEADLINE_MS = 250;

// Not in the transaction: its COMMIT is a part of the log, too. It waits for nothing, and so needs no limits.
const POSITION = 'select pg_current_wal_insert_lsn()::text as position';

/** What the server says when it leaves or has left. */
const FAILOVER = new Set(['57P01', '57P02', '57P03', '08000', '08001', '08003', '08004', '08006']);

const READ_ONLY = 'begin read only';

/** What a holder that has gone away may still send. */
const ROLLBACK = /^\s*rollback\b/i;

/** A lease of a connection in the shape that kysely expects of a pool's client. */
export class LeasedClient {
  readonly #lease: Lease<PooledConnection>;
  readonly #owner: LeasedClientOwner;
  readonly #share: ShareMeter | undefined;
  readonly #cancel: LeaseCancel;
  readonly #right = new WriteRight();
  #isAborted = false;
  #isReleased = false;
  #isGivenUp = false;

  constructor(lease: Lease<PooledConnection>, owner: LeasedClientOwner) {
    this.#lease = lease;
    this.#owner = owner;
    this.#cancel = new LeaseCancel(lease, owner);
    const share = lease.holder.scope?.database;
    this.#share = share === undefined ? undefined : new ShareMeter(share);
    lease.connection.statement = undefined;
    lease.connection.keepProcess(true);
    lease.holder.signal?.addEventListener('abort', this.#abort, { once: true });
    if (lease.holder.signal?.aborted === true) {
      this.#abort();
    }
  }

  /** Process id of the server's backend; 0 when it is not known. */
  get processID(): number {
    return this.#lease.connection.pid ?? 0;
  }

  query<R>(text: string, values?: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    statement: string | PostgresCursor<R>,
    values: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    return typeof statement === 'string'
      ? this.#run<R>(statement, values)
      : this.#openCursor(statement);
  }

  /** Gives the connection back, once; later calls do nothing. It is kept until a cancel that was sent has arrived. */
  release(mustDestroy = false): void {
    if (this.#isReleased) {
      return;
    }
    this.#isReleased = true;
    this.#lease.holder.signal?.removeEventListener('abort', this.#abort);
    const release = () => {
      this.#lease.connection.keepProcess(false);
      this.#lease.release(mustDestroy || this.#cancel.isDoubtful);
    };
    const { pending } = this.#cancel;
    if (pending === undefined) {
      release();
    } else {
      void pending.then(release);
    }
  }

  readonly #abort = (): void => {
    this.#isAborted = true;
    // Who aborts sums up at once what the database took, before what is cancelled now has ended.
    this.#share?.addRunning(this.#owner.clock.now());
    this.#cancel.abort();
  };

  async #run<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const comment = this.#commentOf(text);
    const isWrite = this.#right.isWriter && text === 'commit';
    const result = await this.#guarded(
      text,
      () =>
        comment === undefined
          ? this.#send<R>(text, values, this.#nameOf(text, values))
          : this.#send<R>(text, values, undefined, comment),
      (durationMs, failure) => this.#ended({ text, durationMs, isStream: false }, failure),
    );
    const { onPosition } = this.#lease.holder;
    if (isWrite && onPosition !== undefined) {
      await this.#tellPosition(onPosition);
    }
    return result;
  }

  /** The commit is done, whatever becomes of this: a position that cannot be had in time is not told. */
  async #tellPosition(tell: (walPosition: string) => void): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = this.#owner.clock.start(() => resolve(undefined), POSITION_DEADLINE_MS);
    const asked = this.#run<{ readonly position: string }>(POSITION, []).catch(() => undefined);
    const answer = await Promise.race([asked, late]);
    timer.stop();
    const position = answer?.rows[0]?.position;
    if (position !== undefined) {
      tell(position);
    }
  }

  #ended(statement: Omit<EndedStatement, 'code' | 'sqlState'>, failure?: Failure): void {
    this.#owner.queryEnded(this.#lease, {
      ...statement,
      code: failure?.code,
      sqlState: failure?.details.sqlState,
    });
  }

  /**
   * Runs a statement, or a part of one, under the watchdog and where a cancel can reach it; tells how long that took in
   * milliseconds.
   */
  async #guarded<T>(
    text: string,
    work: () => Promise<T>,
    tell: (durationMs: number, failure: Failure | undefined) => void,
    isFurtherPart = false,
  ): Promise<T> {
    if (this.#cancel.pending !== undefined) {
      // What follows must not be hit by a cancel that was meant for what came before.
      await this.#cancel.pending;
    }
    this.#assertUsable(text);
    const { clock } = this.#owner;
    const { connection } = this.#lease;
    const startedAt = clock.now();
    this.#share?.began(startedAt, isFurtherPart);
    // To cancel COMMIT would leave its outcome to chance; ROLLBACK is what a cancel is for.
    const isCancellable = text !== 'commit' && !ROLLBACK.test(text);
    connection.statement = { text, startedAt };
    if (isCancellable) {
      this.#cancel.began();
    }
    let failure: Failure | undefined;
    try {
      return await this.#watched(work);
    } catch (error) {
      const mapped = this.#explain(error, text, clock.now() - startedAt);
      failure = mapped ?? UNNAMED_FAILURE;
      throw mapped ?? error;
    } finally {
      if (isCancellable) {
        this.#cancel.ended();
      }
      const endedAt = clock.now();
      this.#share?.ended(startedAt, endedAt);
      if (connection.statement?.startedAt === startedAt) {
        connection.statement = { text, startedAt, endedAt };
      }
      tell(endedAt - startedAt, failure);
    }
  }

  /** Destroys the connection under work that the server has not answered in time. */
  async #watched<T>(work: () => Promise<T>): Promise<T> {
    const { clock, statementTimeoutMs } = this.#owner;
    if (statementTimeoutMs === 0) {
      return await work();
    }
    let isOver = false;
    const giveUp = () => {
      if (!isOver) {
        this.#isGivenUp = true;
        this.#lease.connection.giveUp();
      }
    };
    const watchdog = clock.start(
      () => clock.afterIo(giveUp),
      statementTimeoutMs + WATCHDOG_GRACE_MS,
    );
    try {
      return await work();
    } finally {
      isOver = true;
      watchdog.stop();
    }
  }

  #assertUsable(text: string): void {
    if (this.#lease.isOver || this.#isReleased) {
      throw new DatabaseError(
        'DB_CONNECTION_LOST',
        this.#isReleased
          ? 'bug: a connection was used after it had been released'
          : 'the connection to the server was lost',
        { isSent: false },
      );
    }
    if (this.#isAborted && !ROLLBACK.test(text)) {
      throw new DatabaseError('DB_QUERY_CANCELLED', 'whoever asked for this has gone away');
    }
  }

  /** Names the error, and draws the conclusions for other connections. */
  #explain(error: unknown, text: string, elapsedMs: number): DatabaseError | undefined {
    const { statementTimeoutMs } = this.#owner;
    if (this.#isGivenUp) {
      return new DatabaseError(
        'DB_CONNECTION_LOST',
        `no answer within ${statementTimeoutMs + WATCHDOG_GRACE_MS} ms, a second past DB_STATEMENT_TIMEOUT_MS: the connection was given up`,
      );
    }
    const mapped = mapDatabaseError(error, {
      isCancelSent: this.#cancel.isSent,
      elapsedMs,
      statementTimeoutMs,
      isFatal: !this.#lease.connection.isAlive,
      isWriteBegin: beginsWriter(text),
    });
    if (FAILOVER.has(mapped?.details.sqlState ?? '')) {
      this.#owner.doubted(this.#lease, 'failover');
    } else if (mapped?.code === 'DB_READ_ONLY' && this.#right.mayWrite) {
      this.#owner.doubted(this.#lease, 'failover', STANDBY_PAUSE_MS);
    }
    return mapped;
  }

  /** Outside of a transaction nothing holds a statement to its limits behind a transaction pooler. */
  #isUnlimited(text: string, opening: string | undefined): boolean {
    return (
      opening === '' &&
      this.#lease.connection.transactionStatus === 'I' &&
      text !== 'commit' &&
      text !== POSITION &&
      !ROLLBACK.test(text)
    );
  }

  /** Gives a statement a transaction of its own, which cannot write: as little as it could on a connection of ours. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    await this.#beginAlone();
    try {
      return await work();
    } finally {
      // What is lost needs no end, and its own error is the one to tell.
      await this.#lease.connection.client.query('rollback').catch(() => undefined);
    }
  }

  async #beginAlone(): Promise<void> {
    const opening = this.#owner.openingOf?.(READ_ONLY) ?? '';
    await this.#lease.connection.begin({ text: `${READ_ONLY}${opening}` });
  }

  async #send<R>(
    text: string,
    values: readonly unknown[],
    name: string | undefined,
    comment = '',
  ): Promise<PostgresQueryResult<R>> {
    const { connection } = this.#lease;
    const opening = this.#owner.openingOf?.(text);
    if (this.#isUnlimited(text, opening)) {
      return await this.#alone(() => this.#send<R>(text, values, name, comment));
    }
    if (text === 'commit' && connection.transactionStatus === 'I') {
      throw new DatabaseError(
        'DB_QUERY_FAILED',
        'commit without a transaction: a statement before it has ended it, and what was done may be committed in part or not at all',
      );
    }
    connection.needsReset ||= this.#owner.mayChangeSession(text);
    this.#right.sent(text);
    try {
      const message = {
        text: `${text}${opening ?? ''}${comment}`,
        values: values.map(toSentValue),
        ...(name !== undefined && { name }),
      };
      const result =
        opening === undefined || opening === ''
          ? await connection.client.query(message)
          : await connection.begin(message);
      if (resultsOf(result).some(({ command }) => FORGETTING.has(command))) {
        connection.preparedStatements.forget();
      }
      // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter: kysely declares the commands it knows and a row count that is never null.
      return result as QueryResult & PostgresQueryResult<R>;
    } catch (error) {
      await connection.settled();
      if (name !== undefined) {
        connection.preparedStatements.failed(name);
      }
      if (name === undefined || !isStalePlan(error)) {
        throw error;
      }
      this.#owner.doubted(this.#lease, 'dirty');
      if (connection.transactionStatus !== 'I') {
        // The transaction is aborted: only its owner can decide to repeat it.
        throw error;
      }
      return this.#send<R>(text, values, undefined);
    }
  }

  #commentOf(text: string): string | undefined {
    return this.#owner.commentOf(text, this.#lease.holder.scope);
  }

  #nameOf(text: string, values: readonly unknown[]): string | undefined {
    const name = values.length === 0 ? undefined : this.#owner.statementNames?.nameOf(text);
    return name === undefined ? undefined : this.#lease.connection.preparedStatements.prepare(name);
  }

  #openCursor<R>(statement: PostgresCursor<R>): PostgresCursor<R> {
    const { connection } = this.#lease;
    const text = textOf(statement);
    connection.needsReset ||= this.#owner.mayChangeSession(text);
    const comment = this.#commentOf(text);
    if (comment !== undefined) {
      Reflect.set(statement, 'text', `${text}${comment}`);
    }
    return leasedCursor(statement, {
      connection,
      guarded: (work, tell, isFurtherPart) => this.#guarded(text, work, tell, isFurtherPart),
      watched: (work) => this.#watched(work),
      isUnlimited: () => this.#isUnlimited(text, this.#owner.openingOf?.(text)),
      beginAlone: () => this.#beginAlone(),
      ended: (durationMs, failure) => this.#ended({ text, durationMs, isStream: true }, failure),
    });
  }
}

/** Of an error that is neither the server's nor the connection's, such as a value that cannot be sent. */
const UNNAMED_FAILURE: Failure = { code: 'DB_QUERY_FAILED', details: {} };

const FORGETTING = new Set(['DISCARD', 'DEALLOCATE']);

/** adapter: pg-cursor declares no text, which it submits when it is read first. */
function textOf(cursor: object): string {
  const text: unknown = Reflect.get(cursor, 'text');
  return typeof text === 'string' ? text : '';
}
