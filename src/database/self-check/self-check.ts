import type { Ask } from '#database/ask.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import type { DatabaseObserver, VerdictChanged } from '#database/database-observer.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { asDatabaseError, mapDatabaseError } from '#database/map-database-error.ts';
import { askOver } from './ask-server.ts';
import type { Finding, ServicePlan } from './finding.ts';
import { judgeServer } from './judge-server.ts';
import { readServerFacts } from './server-facts.ts';
import type { ServerVersion } from './server-facts.ts';

/** What a self-check works with. */
export interface SelfCheckOptions {
  readonly connection: DatabaseConnection;
  readonly plan: Omit<ServicePlan, 'connection'>;
  /** As the pool's connections have them. */
  readonly sessionSettings: Readonly<Record<string, string>>;
  /** Of the pool: while it lets nobody through the check does not connect, and what becomes of its own attempt is kept from it. */
  readonly gate: { readonly mayTry: boolean; readonly cause: DatabaseError | undefined };
  /** Asked when the server has no connection left for the check. */
  readonly askIdle: Ask;
  /** Findings that are known of this server, and nobody's to mend. */
  readonly known?: ReadonlySet<string>;
  readonly observer: DatabaseObserver;
}

/** What was found last. Frozen. */
export interface SelfCheckResult {
  /** `failed`: the last attempt was in vain, and the findings are those of the one before. */
  readonly state: 'pending' | 'done' | 'failed';
  /** ISO 8601, of the findings; undefined before the first check. */
  readonly checkedAt: string | undefined;
  /** Why it failed. */
  readonly code: DatabaseErrorCode | undefined;
  readonly findings: readonly Finding[];
}

/** A check that failed is made again until one succeeds, unless the server is away: then its return is waited for. */
const RETRY_MS = 10_000;

/**
 * Compares what the service means to do with what the server and our role on it allow: when the server is first seen,
 * and when it comes back or has changed its part, since it may be another one then. Tells each finding once. Nothing
 * waits for it, and nothing depends on it.
 */
export class SelfCheck {
  readonly #options: SelfCheckOptions;
  readonly #stopping = new AbortController();
  readonly #told = new Set<string>();
  #running: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isServerAway = false;
  #result: SelfCheckResult = Object.freeze({
    state: 'pending',
    checkedAt: undefined,
    code: undefined,
    findings: [],
  });

  constructor(options: SelfCheckOptions) {
    this.#options = options;
  }

  /** What is known, from memory. */
  result(): SelfCheckResult {
    return this.#result;
  }

  /** Call when the probe has come to another verdict: checks unless the server cannot be asked. */
  verdictChanged({ to, code }: Pick<VerdictChanged, 'to' | 'code'>): void {
    this.#isServerAway = to === 'down' && code !== 'DB_PERMISSION';
    if (this.#isServerAway) {
      clearTimeout(this.#retry);
    } else if (to !== 'saturated' || this.#result.state !== 'done') {
      void this.run();
    }
  }

  /** Checks now; joins a check that is under way. Never rejects. */
  async run(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    await this.#running;
  }

  /** Gives up what is under way, and closes its connection. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#retry);
    await this.#running;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#retry);
    const { connection, plan, known } = this.#options;
    const checkedAt = new Date().toISOString();
    try {
      const found = judgeServer(await this.#read(), { ...plan, connection });
      const findings = Object.freeze(found.filter(({ id }) => known?.has(id) !== true));
      this.#result = Object.freeze({ state: 'done', checkedAt, code: undefined, findings });
      this.#tell(findings);
    } catch (error) {
      this.#failed(asDatabaseError(error, 'bug: the self-check failed'));
    }
  }

  async #read(): Promise<ServerVersion> {
    const { connection, plan, sessionSettings, gate, askIdle } = this.#options;
    const { poolName, connectTimeoutMs } = plan.settings;
    const applicationName = `tidegauge/${poolName}/selfcheck`;
    const options = {
      connection,
      applicationName,
      connectTimeoutMs,
      sessionSettings,
      isPooled: plan.settings.pooler === 'pgbouncer',
    };
    const { signal } = this.#stopping;
    try {
      if (!gate.mayTry) {
        throw gate.cause ?? new DatabaseError('DB_UNAVAILABLE', 'another attempt is under way');
      }
      return await askOver(options, readServerFacts, { signal });
    } catch (error) {
      if (mapDatabaseError(error)?.code !== 'DB_TOO_MANY_CONNECTIONS') throw error;
      return await readServerFacts(askIdle);
    }
  }

  #tell(findings: readonly Finding[]): void {
    const { observer, plan } = this.#options;
    for (const { id, severity, message, advice } of findings) {
      const key = `${id} ${message}`;
      if (!this.#told.has(key)) {
        this.#told.add(key);
        observer.selfCheckFound?.({ pool: plan.settings.poolName, id, severity, message, advice });
      }
    }
  }

  #failed({ code, message }: DatabaseError): void {
    if (this.#stopping.signal.aborted) return;
    this.#result = Object.freeze({ ...this.#result, state: 'failed', code });
    this.#options.observer.selfCheckFailed?.({
      pool: this.#options.plan.settings.poolName,
      code,
      message,
    });
    if (!this.#isServerAway) {
      this.#retry = setTimeout(() => void this.run(), RETRY_MS).unref();
    }
  }
}
