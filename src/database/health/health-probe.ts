import type pg from 'pg';
import type { Ask } from '#database/ask.ts';
import { DatabaseError } from '#database/database-error.ts';
import { composeObservers } from '#database/database-observer.ts';
import type { DatabaseObserver } from '#database/database-observer.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { editedMigrations } from '#database/migrations/migration-checksum.ts';
import type { RecordedMigration } from '#database/migrations/migration-checksum.ts';
import { MIGRATIONS_TABLE, READ_RECORDS } from '#database/migrations/migration-records.ts';
import { asDatabaseError } from '#database/map-database-error.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { judge, judgeFailure, stateAfter } from './database-verdict.ts';
import type { DatabaseVerdict, ServerFindings } from './database-verdict.ts';
import { askDirectly, identityOf, wrongWay } from './direct-way.ts';
import type { DirectAnswer } from './direct-way.ts';
import { Lookout } from './lookout.ts';
import { ProbeConnection } from './probe-connection.ts';
import type { ServerRole } from './server-role.ts';

export interface HealthProbeOptions {
  readonly connection: DatabaseConnection;
  readonly poolName: string;
  /** Deadline of a connect, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** As the pool's connections have them, and read back as theirs: where they cannot be had, nothing is `up`. */
  readonly sessionSettings?: Readonly<Record<string, string>>;
  /** As of the pool's connections. */
  readonly isPooled: boolean;
  /** Names of the migrations that the code was written for. */
  readonly expectedMigrations: readonly string[];
  /** Of their files, by name; those of applied ones are compared. */
  readonly migrationChecksums?: ReadonlyMap<string, string>;
  readonly poolStats: () => PoolStats;
  /** Shared with the pool: while it is closed nobody connects, and the probe looks as soon as it opens. */
  readonly gate?: ConnectGate;
  /** Asks the same server past the pooler that `connection` leads through; never waits for more than a moment. */
  readonly askDirectly?: Ask;
  /** Behind a pooler: milliseconds since a statement of the pool was answered. */
  readonly sinceAnswerMs?: () => number;
  readonly observer?: DatabaseObserver;
  /** It has replicas, and is asked where its write-ahead log is; not every server of a provider can tell. */
  readonly hasReplicas?: boolean;
  /** Told by every look what the server may be used for. */
  readonly onRole?: (role: ServerRole) => void;
}

const WAL_POSITION = `case when not pg_is_in_recovery() then pg_current_wal_flush_lsn()::text end`;

const findings = (walPosition: string) => `select pg_is_in_recovery() as "isStandby",
  current_setting('default_transaction_read_only')::boolean as "isReadOnlyByDefault",
  ${walPosition} as "walPosition",
  current_setting('server_version') as "serverVersion",
  to_regclass('${MIGRATIONS_TABLE}') is not null as "hasMigrations"`;

interface FindingsRow extends Pick<ServerRole, 'isStandby' | 'isReadOnlyByDefault'> {
  readonly walPosition: string | null;
  readonly serverVersion: string;
  readonly hasMigrations: boolean;
}

/**
 * Looks at the server once a second on a connection of its own, never through the pool's queue, and keeps the verdict
 * for whoever asks. A failed look is repeated once on a new connection before it counts.
 */
export class HealthProbe {
  readonly #options: HealthProbeOptions;
  readonly #observer: DatabaseObserver;
  readonly #gate: ConnectGate;
  readonly #stopListening: () => void;
  readonly #lookout = new Lookout(() => this.#look());
  readonly #connection: ProbeConnection;
  #verdict: DatabaseVerdict = Object.freeze({
    state: 'starting',
    code: undefined,
    message: 'the database has not been asked yet',
    checkedAt: undefined,
    roundTripMs: undefined,
    serverVersion: undefined,
    pendingMigrations: [],
  });
  /** What the observer was told last. */
  #told: Pick<DatabaseVerdict, 'state' | 'code'> = this.#verdict;
  /** Both ways to the server lead to one database, or the role may not know; asked until the direct one has answered. */
  #isWayKnown: boolean;

  constructor(options: HealthProbeOptions) {
    this.#options = options;
    this.#observer = composeObservers(options.observer === undefined ? [] : [options.observer]);
    this.#gate = options.gate ?? new ConnectGate();
    this.#isWayKnown = options.askDirectly === undefined;
    const { connection, connectTimeoutMs, sessionSettings = {}, isPooled } = options;
    this.#connection = new ProbeConnection({
      connection,
      connectTimeoutMs,
      sessionSettings,
      isPooled,
      applicationName: `tidegauge/${options.poolName}/probe`,
      gate: this.#gate,
      signal: this.#lookout.signal,
    });
    this.#stopListening = this.#gate.onChange(() => {
      const { state } = this.#verdict;
      if ((state === 'down' || state === 'saturated') && this.#gate.mayTry) {
        void this.look();
      }
    });
  }

  /** Begins to look; the first verdict is there when the promise resolves. */
  async start(): Promise<void> {
    this.#lookout.start();
    await this.look();
  }

  /** Looks now, beside the rhythm; joins a look that is under way. */
  async look(): Promise<void> {
    await this.#lookout.look();
  }

  /**
   * The last verdict, from memory, in the light of what the pool has met since: `saturated` instead of `up` while
   * somebody waits for a connection, and instead of `down` while the server has no connection left for the probe and the
   * pool serves with those it has; `down` instead of `up` while the pool has no connection and none can be opened.
   */
  verdict(): DatabaseVerdict {
    const verdict = this.#lasting();
    const { used, max, waiting } = this.#options.poolStats();
    if (verdict.state === 'up' && waiting > 0 && used >= max) {
      const waiters = waiting === 1 ? '1 borrower waits' : `${waiting} borrowers wait`;
      const message = `all ${max} connections are in use and ${waiters}`;
      return Object.freeze({ ...verdict, state: 'saturated', message });
    }
    return verdict;
  }

  /** The verdict without what passes within a moment. */
  #lasting(): DatabaseVerdict {
    const { used, idle } = this.#options.poolStats();
    const { state, code } = this.#verdict;
    if (state === 'down' && code === 'DB_TOO_MANY_CONNECTIONS' && used + idle > 0) {
      return Object.freeze({ ...this.#verdict, state: 'saturated' });
    }
    const { cause } = this.#gate;
    // A server that is full leaves the pool a few connections, which may just be asked whether they live.
    if (
      state === 'up' &&
      used + idle === 0 &&
      cause !== undefined &&
      cause.code !== 'DB_TOO_MANY_CONNECTIONS'
    ) {
      const { code, message } = cause;
      return Object.freeze({ ...this.#verdict, state: stateAfter(code), code, message });
    }
    return this.#verdict;
  }

  /** Stops looking and closes the connection. */
  async stop(): Promise<void> {
    this.#stopListening();
    await this.#lookout.stop();
    await this.#connection.close();
  }

  async #look(): Promise<void> {
    const checkedAt = new Date().toISOString();
    // At the same time, so that an answer that does not come is explained as soon as it is given up.
    const { askDirectly: ask, sinceAnswerMs = () => Infinity } = this.#options;
    const direct = ask === undefined ? undefined : askDirectly(ask, this.#isWayKnown);
    try {
      const findings = await this.#connection.ask((client) => this.#ask(client));
      if (direct !== undefined && !this.#isWayKnown) {
        this.#compareWays(await direct, findings.identity);
      }
      if (findings.isReadOnly) {
        // A name may lead to another server by the next look, and a session keeps the defaults of its login.
        await this.#connection.close();
      }
      this.#tell(judge(findings, this.#options.expectedMigrations, checkedAt));
    } catch (error) {
      const failure = asDatabaseError(error, 'bug: the probe failed');
      this.#tell(
        Object.freeze({
          ...this.#verdict,
          ...judgeFailure({
            failure,
            direct: failure.code === 'CONFIG_INVALID' ? undefined : await direct,
            sinceAnswerMs: sinceAnswerMs(),
          }),
          checkedAt,
          roundTripMs: undefined,
        }),
      );
    }
  }

  /** @throws DatabaseError `CONFIG_INVALID` when the two ways lead to two databases */
  #compareWays(direct: DirectAnswer, pooled: string | undefined): void {
    const fault = wrongWay(direct, pooled);
    if (fault !== undefined) {
      throw fault;
    }
    this.#isWayKnown = !(direct instanceof DatabaseError);
  }

  async #ask(client: pg.Client): Promise<ServerFindings> {
    const startedAt = performance.now();
    const { rows } = await client.query<FindingsRow>(
      findings(this.#options.hasReplicas === true ? WAL_POSITION : 'null'),
    );
    const roundTripMs = performance.now() - startedAt;
    const [found] = rows;
    if (found === undefined) {
      throw new DatabaseError('DB_UNAVAILABLE', 'bug: the probe got no row');
    }
    const { isStandby, isReadOnlyByDefault, walPosition, serverVersion, hasMigrations } = found;
    const identity = this.#isWayKnown
      ? undefined
      : await identityOf(async (text) => (await client.query(text)).rows);
    const applied = hasMigrations ? await appliedOn(client) : [];
    this.#options.onRole?.({
      isStandby,
      isReadOnlyByDefault,
      walPosition: walPosition ?? undefined,
    });
    const isReadOnly = isStandby || isReadOnlyByDefault;
    return {
      isReadOnly,
      isStandby,
      serverVersion,
      appliedMigrations: applied.map(({ name }) => name),
      editedMigrations: editedMigrations(applied, this.#options.migrationChecksums ?? new Map()),
      roundTripMs,
      identity,
    };
  }

  #tell(verdict: DatabaseVerdict): void {
    if (this.#lookout.signal.aborted) {
      // What was given up says nothing of the server.
      return;
    }
    this.#verdict = verdict;
    const { state: from, code: fromCode } = this.#told;
    const { state: to, code, message } = this.#lasting();
    this.#told = { state: to, code };
    if (to !== from || code !== fromCode) {
      this.#observer.verdictChanged?.({
        pool: this.#options.poolName,
        from,
        to,
        code,
        message,
      });
    }
  }
}

async function appliedOn(client: pg.Client): Promise<RecordedMigration[]> {
  const { rows } = await client.query<RecordedMigration>(READ_RECORDS);
  return rows;
}
