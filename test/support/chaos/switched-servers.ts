import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { choosePort } from '#database/embedded/free-port.ts';
import { killServerProcesses } from '#database/embedded/server-processes.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { follow, Standby } from '#test/support/standby.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { until } from '#test/support/until.ts';
import { databaseUrl } from './database-url.ts';
import { SWITCHED_NAME, SWITCHED_NAME_FILE } from './switched-name.ts';

/** Two addresses of this machine that share a port, as two machines would. */
const [FIRST, SECOND] = ['127.0.0.2', '127.0.0.3'] as const;
/** What a server says of a transaction that may write and does not, in its log. */
const REFUSED_WRITE = /read-only transaction|read-write mode during recovery/;

interface SwitchedServersParts {
  readonly primary: EmbeddedServer;
  readonly standby: Standby;
  readonly link: TcpProxy;
  readonly ways: readonly [TcpProxy, TcpProxy];
  readonly dir: string;
  readonly log: readonly string[];
}

/** A primary and its standby behind one name, which leads to the primary until it is switched. */
export class SwitchedServers implements AsyncDisposable {
  readonly primary: EmbeddedServer;
  readonly standby: Standby;
  /** Over which the standby follows. */
  readonly link: TcpProxy;
  readonly #parts: SwitchedServersParts;
  #switchedAt = Infinity;

  private constructor(parts: SwitchedServersParts) {
    this.primary = parts.primary;
    this.standby = parts.standby;
    this.link = parts.link;
    this.#parts = parts;
    this.#pointTo(FIRST);
  }

  /** `isSynchronous`: the primary acknowledges no commit that its standby has not on disk. */
  static async start({
    isSynchronous,
  }: {
    readonly isSynchronous: boolean;
  }): Promise<SwitchedServers> {
    const log: string[] = [];
    const primary = await startOwnServer({}, (line) => void log.push(line));
    const link = await TcpProxy.start(primary.connection);
    const standby = await Standby.start(primary, {
      upstream: link,
      binDir: inject('postgres').binDir,
    });
    const port = await choosePort(undefined);
    const ways = [
      await TcpProxy.start(primary.connection, { host: FIRST, port }),
      await TcpProxy.start(standby.server.connection, { host: SECOND, port }),
    ] as const;
    const dir = await mkdtemp(join(tmpdir(), 'tidegauge-name-'));
    const servers = new SwitchedServers({ primary, standby, link, ways, dir, log });
    if (isSynchronous) {
      await servers.#runOnPrimary(`alter system set synchronous_standby_names = '*'`);
      await servers.#runOnPrimary('select pg_reload_conf()');
      await until('the standby is synchronous', async () =>
        (await servers.#runOnPrimary(
          `select from pg_stat_replication where sync_state = 'sync'`,
        )) === 1
          ? true
          : undefined,
      );
    }
    return servers;
  }

  /** Under the name. */
  get address(): TestServerAddress {
    return { ...this.primary.connection, host: SWITCHED_NAME, port: this.#parts.ways[0].port };
  }

  /** For a process that is to find the servers, loaded with `switched-name.ts`. */
  get env(): Record<string, string> {
    return {
      DATABASE_URL: databaseUrl(this.address),
      [SWITCHED_NAME_FILE]: join(this.#parts.dir, 'address'),
    };
  }

  /** How often a server that had been demoted was asked to write. */
  get refusedWrites(): number {
    return this.#parts.log.filter((line) => REFUSED_WRITE.test(line)).length;
  }

  /** When the name was switched, in milliseconds of `performance.now()`. */
  get switchedAt(): number {
    return this.#switchedAt;
  }

  /** The primary is gone, and its machine with it: killed with all its processes, and nobody gets there any more. */
  async killPrimary(): Promise<void> {
    const label = await this.#label();
    const [way] = this.#parts.ways;
    const gone = killServerProcesses(label);
    await way.refuse();
    await gone;
  }

  /** The primary comes back as a standby of the other server, and stays where the name leads. */
  async demotePrimary(): Promise<void> {
    const { pid, dataDir, connection } = this.primary;
    const { host, port } = this.standby.server.connection;
    await follow(join(dataDir, 'data'), { ...connection, host, port });
    process.kill(pid, 'SIGINT');
    await until('the old primary is a standby', async () => {
      if (this.primary.pid === pid) return undefined;
      return await withClient(connection, async (client) => {
        const { rows } = await client.query<{ is: boolean }>('select pg_is_in_recovery() as is');
        return rows[0]?.is === true ? true : undefined;
      });
    });
  }

  /** The name leads to the other server from now on. */
  switchName(): void {
    this.#pointTo(SECOND);
    this.#switchedAt = performance.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { ways, standby, link, primary, dir } = this.#parts;
    await Promise.all(ways.map((way) => way.close()));
    await standby.stop();
    await link.close();
    await primary.stop();
    await rm(dir, { recursive: true });
  }

  #pointTo(address: string): void {
    writeFileSync(join(this.#parts.dir, 'address'), address);
  }

  async #label(): Promise<string> {
    return await withClient(this.primary.connection, async (client) => {
      const { rows } = await client.query<{ label: string }>(
        `select current_setting('cluster_name') as label`,
      );
      return rows[0]?.label ?? '';
    });
  }

  async #runOnPrimary(text: string): Promise<number | null> {
    return await withClient(
      this.primary.connection,
      async (client) => (await client.query(text)).rowCount,
    );
  }
}
