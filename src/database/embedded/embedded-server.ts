import { setTimeout as delay } from 'node:timers/promises';

import type { RoleKind } from '#database/provision/provision-request.ts';
import { serverFault } from './embedded-fault.ts';
import type { Postmaster } from './postmaster.ts';
import { restartDelayMs, SETTLED_MS } from './restart-delay.ts';
import { endServerProcesses, killServerProcesses } from './server-processes.ts';

/** How to connect to an embedded server. */
export interface EmbeddedConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** How to connect to an embedded server as each of those who may. */
export interface EmbeddedAccess {
  /** As its superuser. */
  readonly connection: EmbeddedConnection;
  /** As the roles of the service, which exist once the database has been provisioned. */
  readonly roles: Readonly<Record<RoleKind, EmbeddedConnection>>;
}

/** A running PostgreSQL that belongs to this process, and ends with it. Access is the same for its whole life, restarts included. */
export interface EmbeddedServer extends EmbeddedAccess, AsyncDisposable {
  /** The postmaster's pid; another one after a restart. */
  readonly pid: number;
  /** The state folder that was asked for; PostgreSQL's own data directory is `data` in it. */
  readonly dataDir: string;
  /** Stops the server, by force after its deadline. Idempotent, never hangs. */
  stop(): Promise<void>;
}

/** Any interval will do: it only has to exist. */
const AWAKE_MS = 1000;

/** What the keeper of a server needs. */
export interface ServerKeeperOptions {
  readonly access: EmbeddedAccess;
  readonly dataDir: string;
  readonly label: string;
  /** How long a fast shutdown may take before the server is ended by force. */
  readonly stopGraceMs: number;
  /** Starts a postmaster on the server's own port. */
  readonly launch: (signal: AbortSignal) => Promise<Postmaster>;
  readonly log: (line: string) => void;
  /** Runs once, after the last process has ended. */
  readonly cleanUp: () => Promise<void>;
}

/** Keeps one server running: starts it again when its postmaster dies, until it is stopped. */
export class ServerKeeper implements EmbeddedServer {
  readonly connection: EmbeddedConnection;
  readonly roles: EmbeddedAccess['roles'];
  readonly dataDir: string;
  readonly #options: ServerKeeperOptions;
  readonly #stopping = new AbortController();
  readonly #kept: Promise<void>;
  #pid: number;
  #stopped: Promise<void> | undefined;

  constructor(options: ServerKeeperOptions, first: Postmaster) {
    this.connection = options.access.connection;
    this.roles = options.access.roles;
    this.dataDir = options.dataDir;
    this.#options = options;
    this.#pid = first.pid;
    this.#kept = this.#keep(first);
  }

  get pid(): number {
    return this.#pid;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #keep(first: Postmaster): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    for (let current: Postmaster | undefined = first; ;) {
      const since = performance.now();
      const words: string = current === undefined ? '' : await current.ended;
      if (signal.aborted) return;
      if (current !== undefined) {
        this.#options.log(
          `embedded postgresql: the server ended unexpectedly (${words}), starting it again`,
        );
        failures = performance.now() - since < SETTLED_MS ? failures + 1 : 0;
      }
      current = await this.#startAgain(failures);
      if (signal.aborted) return;
      if (current === undefined) failures += 1;
      else this.#options.log(`embedded postgresql: the server is back as process ${current.pid}`);
    }
  }

  async #startAgain(failures: number): Promise<Postmaster | undefined> {
    try {
      const { signal } = this.#stopping;
      await delay(restartDelayMs(failures), undefined, { ref: false, signal });
      // Busy children of a killed postmaster hold its shared memory and would block every start.
      await killServerProcesses(this.#options.label);
      const started = await this.#options.launch(signal);
      this.#pid = started.pid;
      return started;
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        this.#options.log(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  async #stop(): Promise<void> {
    // The server keeps no process alive, the wait for its end does: an event loop without work would just end.
    const awake = setInterval(() => undefined, AWAKE_MS);
    try {
      await this.#end();
    } finally {
      clearInterval(awake);
    }
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    const isGone = await endServerProcesses(this.#options.label, this.#options.stopGraceMs);
    if (isGone) await this.#kept;
    await this.#options.cleanUp();
    if (!isGone)
      throw serverFault(`the server in ${this.dataDir} cannot be ended (process ${this.#pid})`);
  }
}
