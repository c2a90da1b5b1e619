import { inject } from 'vitest';
import type { DatabaseConnection, DatabaseOptions } from '#database/database-options.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import type { ReplicaChanged, ReplicaFallback } from '#database/database-observer.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import type { ReplicaState } from '#database/replicas/replica-standing.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { withClient } from './databases.ts';
import { replicaIs } from './replica-is.ts';
import { startOwnServer } from './own-server.ts';
import { Standby } from './standby.ts';
import { TcpProxy } from './tcp-proxy.ts';
import type { TestServerAddress } from './test-server.ts';

/** A session manager on a pair, and what it told of its replicas. */
export interface PairSessions extends AsyncDisposable {
  readonly sessions: DatabaseSessionManager;
  readonly changes: readonly ReplicaChanged[];
  readonly fallbacks: readonly ReplicaFallback['reason'][];
}

/** A primary and a standby of the version that the project runs on, with a network in between that can be cut. */
export class ReplicaPair implements AsyncDisposable {
  readonly primary: EmbeddedServer;
  readonly standby: EmbeddedServer;
  /** Between the two. */
  readonly link: TcpProxy;
  /** Between whoever reads and the standby. */
  readonly way: TcpProxy;
  readonly #standby: Standby;

  private constructor(primary: EmbeddedServer, standby: Standby, link: TcpProxy, way: TcpProxy) {
    this.primary = primary;
    this.#standby = standby;
    this.standby = standby.server;
    this.link = link;
    this.way = way;
  }

  /** `settings` of the standby. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<ReplicaPair> {
    const primary = await startOwnServer();
    const link = await TcpProxy.start(primary.connection);
    const { binDir } = inject('postgres');
    const standby = await Standby.start(primary, {
      upstream: link,
      binDir,
      settings: { wal_retrieve_retry_interval: '100ms', ...settings },
    });
    const way = await TcpProxy.start(standby.server.connection);
    return new ReplicaPair(primary, standby, link, way);
  }

  /** Where a service finds the standby. */
  get replicaAddress(): TestServerAddress {
    const { host, port } = this.way;
    return { ...this.standby.connection, host, port };
  }

  /** Opens a session manager that reads from the standby as soon as that may be read from, or is in that state. */
  async open(
    changes: Partial<DatabaseOptions> = {},
    state: ReplicaState = 'usable',
  ): Promise<PairSessions> {
    const told: ReplicaChanged[] = [];
    const fallbacks: ReplicaFallback['reason'][] = [];
    const sessions = new DatabaseSessionManager();
    await sessions.init({
      ...DEFAULT_DATABASE_OPTIONS,
      connection: connectionOf(this.primary.connection),
      replicas: [connectionOf(this.replicaAddress)],
      replicaMaxLagMs: 1000,
      observer: {
        replicaChanged: (event) => void told.push(event),
        replicaFallback: ({ reason }) => void fallbacks.push(reason),
      },
      ...changes,
    });
    await replicaIs(sessions, state);
    return {
      sessions,
      changes: told,
      fallbacks,
      [Symbol.asyncDispose]: () => sessions.close(),
    };
  }

  /** Runs a statement on the primary, past the pool. */
  async write(text: string): Promise<void> {
    await withClient(this.primary.connection, (client) => client.query(text));
  }

  /** Runs a statement on the standby, past the pool. */
  async ask<R>(text: string): Promise<R | undefined> {
    return await withClient(
      this.standby.connection,
      async (client) => (await client.query(text)).rows[0],
    );
  }

  async promote(): Promise<void> {
    await this.#standby.promote();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.way.close();
    await this.#standby.stop();
    await this.link.close();
    await this.primary.stop();
  }
}

export function connectionOf({ password, ...address }: TestServerAddress): DatabaseConnection {
  return { ...address, password: { reveal: () => password } };
}
