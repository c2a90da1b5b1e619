import { execFile } from 'node:child_process';
import { appendFile, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { withClient } from './databases.ts';
import type { TestServerAddress } from './test-server.ts';

/** Where a standby gets from what it replays. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
}

/** How a standby is started. */
export interface StandbyOptions {
  /** Where it follows the primary; its own address unless told, such as a proxy. */
  readonly upstream?: Upstream;
  /** The name by which `synchronous_standby_names` knows it. */
  readonly name?: string;
  /** Programs of another version than the embedded one: those of the primary. */
  readonly binDir?: string | undefined;
  readonly settings?: Readonly<Record<string, string>>;
}

/** A server that was copied from another one and follows it, until it is promoted. Its files go when it is stopped. */
export class Standby implements AsyncDisposable {
  readonly server: EmbeddedServer;

  private constructor(server: EmbeddedServer) {
    this.server = server;
  }

  /** Copies a running server as `pg_basebackup` would, and starts the copy as a standby. */
  static async start(
    primary: { readonly connection: TestServerAddress; readonly dataDir: string },
    { upstream = primary.connection, name, binDir, settings = {} }: StandbyOptions = {},
  ): Promise<Standby> {
    const { user, password } = primary.connection;
    const dataDir = await mkdtemp(join(tmpdir(), 'tidegauge-standby-'));
    const data = join(dataDir, 'data');
    const label = await withClient(primary.connection, async (client) => {
      await client.query(`select pg_backup_start('copy', true)`);
      await promisify(execFile)('cp', ['-a', join(primary.dataDir, 'data'), data]);
      const { rows } = await client.query<{ labelfile: string }>(
        'select labelfile from pg_backup_stop(false)',
      );
      return rows[0]?.labelfile ?? '';
    });
    await rm(join(data, 'postmaster.pid'), { force: true });
    await writeFile(join(dataDir, 'state.json'), JSON.stringify({ password }));
    await writeAsOwner(data, 'backup_label', label);
    await follow(data, { ...upstream, user, password }, name);
    const server = await startEmbeddedPostgres({
      dataDir,
      persistent: true,
      settings,
      ...(binDir !== undefined && { binDir }),
    });
    return new Standby(server);
  }

  /** Makes it a primary; resolves when it accepts writes. */
  async promote(): Promise<void> {
    await withClient(this.server.connection, (client) =>
      client.query('select pg_promote(true, 60)'),
    );
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.server.dataDir, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** At its next start the server is a standby that follows another one. `data` is PostgreSQL's own directory. */
export async function follow(
  data: string,
  { host, port, user, password }: Upstream & Pick<TestServerAddress, 'user' | 'password'>,
  name = 'standby',
): Promise<void> {
  await writeAsOwner(data, 'standby.signal', '');
  await appendFile(
    join(data, 'postgresql.auto.conf'),
    `\nprimary_conninfo = 'host=${host} port=${port} user=${user} password=${password} application_name=${name}'\n`,
  );
}

/** The server runs as whoever owns its directory. */
async function writeAsOwner(data: string, name: string, text: string): Promise<void> {
  const { uid, gid } = await stat(data);
  await writeFile(join(data, name), text);
  await chown(join(data, name), uid, gid);
}
