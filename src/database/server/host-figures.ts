import { DatabaseError } from '#database/database-error.ts';
import type { ServerConnection } from './server-connection.ts';

/** Of what the figures are: of the server's own container, or of its processes. */
export type HostSource = 'processes' | 'cgroup_v1' | 'cgroup_v2';

/** Why figures cannot be had: all of them, or (`incomplete`) memory alone. */
export type HostFault = 'not_provisioned' | 'refused' | 'unsupported' | 'failed' | 'incomplete';

/** What a server uses of its machine, or of its container. */
export interface HostUse {
  readonly source: HostSource;
  /** Since the server, or its container, was started. Never lower than before, unless the server was started anew. */
  readonly cpuSeconds: number;
  /** Undefined where it cannot be had. */
  readonly memoryBytes: number | undefined;
  readonly cpuCores: number | undefined;
  readonly memoryLimitBytes: number | undefined;
}

/** What is known of a server's use of its host. */
export interface HostReport {
  /** Undefined where there are none. */
  readonly use: HostUse | undefined;
  /** Undefined where nothing is missing. */
  readonly fault: HostFault | undefined;
}

/** A second less than most scrape intervals, so that each scrape finds new figures and a second Prometheus costs nothing. */
const MAX_AGE_MS = 14_000;

interface FiguresRow {
  readonly source: HostSource | null;
  readonly refusal: 'refused' | 'unsupported' | null;
  readonly cpuSeconds: number | null;
  readonly memoryBytes: number | null;
  readonly cpuCores: number | null;
  readonly memoryLimitBytes: number | null;
  readonly startedAt: number;
}

const FIGURES = `
  select source, refusal, cpu_seconds as "cpuSeconds", memory_bytes as "memoryBytes", cpu_cores as "cpuCores",
    memory_limit_bytes as "memoryLimitBytes", extract(epoch from pg_postmaster_start_time())::float8 as "startedAt"
  from tidegauge.host_figures()`;

// A statement that fails costs the connection: whether the function may be executed is asked before.
const RIGHTS = `
  select has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute') as "isGranted"
  from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
  where n.nspname = 'tidegauge' and p.proname = 'host_figures' and p.pronargs = 0`;

/** What to do about each. */
const ADVICE: Readonly<Record<Exclude<HostFault, 'failed'>, string>> = {
  not_provisioned:
    'the database has no function tidegauge.host_figures(): npm run db:provision creates it, where the server allows it',
  refused:
    'the role of the service may not execute tidegauge.host_figures(), or the owner of that may not read /proc: npm run db:provision grants both',
  unsupported: 'the server does not run on Linux, or hides /proc: look at its own monitoring',
  incomplete:
    'memory could not be read within 250 ms, since the server has too many processes, or its system refuses: only CPU is known',
};

/** CPU and memory of a server, asked for when somebody wants them and kept for 14 seconds; so is that there are none. */
export class HostFigures {
  readonly #server: ServerConnection;
  readonly #onFault: (fault: HostFault, advice: string) => void;
  readonly #told = new Set<HostFault>();
  #taking: Promise<void> | undefined;
  #takenAt = -Infinity;
  #report: HostReport = { use: undefined, fault: undefined };
  #isGranted = false;
  #startedAt: number | undefined;
  #cpuSeconds = 0;

  /** `onFault` is told each fault once, and what to do about it. */
  constructor(
    server: ServerConnection,
    onFault: (fault: HostFault, advice: string) => void = () => undefined,
  ) {
    this.#server = server;
    this.#onFault = onFault;
  }

  /** What is known now. Never rejects, and resolves within a second. */
  async report(): Promise<HostReport> {
    if (this.#server.clock.now() - this.#takenAt >= MAX_AGE_MS) {
      this.#taking ??= this.#take().finally(() => {
        this.#taking = undefined;
      });
      await this.#taking;
    }
    return this.#report;
  }

  async #take(): Promise<void> {
    const startedAt = this.#server.clock.now();
    try {
      this.#report = await this.#read();
      const { fault } = this.#report;
      if (fault !== undefined && fault !== 'failed') this.#tell(fault, ADVICE[fault]);
    } catch (error) {
      this.#isGranted = false;
      this.#report = { use: undefined, fault: 'failed' };
      if (error instanceof DatabaseError && error.code !== 'DB_CLOSED') {
        this.#tell('failed', error.message);
      }
    }
    this.#takenAt = startedAt;
  }

  async #read(): Promise<HostReport> {
    if (!this.#isGranted) {
      const [rights] = await this.#server.ask<{ isGranted: boolean }>(RIGHTS);
      if (rights === undefined) return { use: undefined, fault: 'not_provisioned' };
      if (!rights.isGranted) return { use: undefined, fault: 'refused' };
      this.#isGranted = true;
    }
    const [row] = await this.#server.ask<FiguresRow>(FIGURES);
    if (row === undefined || row.source === null || row.cpuSeconds === null) {
      return { use: undefined, fault: row?.refusal ?? 'unsupported' };
    }
    const use = {
      source: row.source,
      cpuSeconds: this.#neverBack(row.cpuSeconds, row.startedAt),
      memoryBytes: row.memoryBytes ?? undefined,
      cpuCores: row.cpuCores ?? undefined,
      memoryLimitBytes: row.memoryLimitBytes ?? undefined,
    };
    return { use, fault: row.memoryBytes === null ? 'incomplete' : undefined };
  }

  /** A scan may miss what a process used that ended meanwhile: a counter that goes back would count all of it anew. */
  #neverBack(cpuSeconds: number, startedAt: number): number {
    const isSameServer = startedAt === this.#startedAt;
    this.#startedAt = startedAt;
    this.#cpuSeconds = isSameServer ? Math.max(this.#cpuSeconds, cpuSeconds) : cpuSeconds;
    return this.#cpuSeconds;
  }

  #tell(fault: HostFault, advice: string): void {
    if (this.#told.has(fault)) return;
    this.#told.add(fault);
    this.#onFault(fault, advice);
  }
}
