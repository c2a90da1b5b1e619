import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { inject } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { openSecureSocket } from '#database/tls/secure-socket.ts';
import { TestFiles } from './certificates.ts';
import type { Identity, TestAuthority } from './certificates.ts';
import { withClient } from './databases.ts';
import { startOwnServer } from './own-server.ts';
import { Standby } from './standby.ts';
import { until } from './until.ts';

/** The role that the server knows by its certificate alone. */
export const CERTIFIED_ROLE = 'certified';
/** Roles whose password the server wants in clear text, or as a hash. */
export const CLEAR_TEXT_ROLE = 'clear_text';
export const MD5_ROLE = 'md5_hash';

const HBA = `
hostssl all ${CERTIFIED_ROLE} 127.0.0.1/32 cert
host all ${CLEAR_TEXT_ROLE} 127.0.0.1/32 password
host all ${MD5_ROLE} 127.0.0.1/32 md5
host all,replication all 127.0.0.1/32 scram-sha-256
`;

/** A PostgreSQL of the project's version that offers TLS, and takes plain text as well. */
export class TlsServer implements AsyncDisposable {
  readonly files: TestFiles;
  readonly #server: EmbeddedServer;
  readonly #settings: Readonly<Record<string, string>>;

  private constructor(
    server: EmbeddedServer,
    files: TestFiles,
    settings: Readonly<Record<string, string>>,
  ) {
    this.#server = server;
    this.files = files;
    this.#settings = settings;
  }

  /** Starts one that shows this identity; who is `trusted` may vouch for its clients. */
  static async start(
    identity: Identity,
    trusted: TestAuthority,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<TlsServer> {
    const files = new TestFiles();
    const own = {
      ...settings,
      ssl: 'on',
      ssl_cert_file: files.write('server.crt', identity.cert),
      ssl_key_file: files.write('server.key', identity.key),
      ssl_ca_file: files.write('clients.crt', trusted.pem),
      hba_file: files.write('pg_hba.conf', HBA),
    };
    return new TlsServer(await startOwnServer(own), files, own);
  }

  get address(): EmbeddedServer['connection'] {
    return this.#server.connection;
  }

  /** Starts a standby that follows it, and shows the same identity to the same clients. */
  async startStandby(): Promise<Standby> {
    const { binDir } = inject('postgres');
    return await Standby.start(this.#server, { binDir, settings: this.#settings });
  }

  /** Runs statements as the superuser, over plain text; gives the rows of the last. */
  async query(...statements: readonly string[]): Promise<readonly unknown[]> {
    return await withClient(this.address, async (client) => {
      let rows: readonly unknown[] = [];
      for (const statement of statements) ({ rows } = await client.query(statement));
      return rows;
    });
  }

  /** Shows another identity from now on. */
  async present({ cert, key }: Identity): Promise<void> {
    this.files.write('server.crt', cert);
    this.files.write('server.key', key);
    await this.query('select pg_reload_conf()');
    const { fingerprint256 } = new X509Certificate(cert);
    await until('the server shows its new certificate', async () => {
      const shown = await this.#shown();
      return shown?.fingerprint256 === fingerprint256 || undefined;
    });
  }

  async #shown(): Promise<PeerCertificate | undefined> {
    const target = { ...this.address, tls: { mode: 'require' } as const };
    const { socket } = await openSecureSocket(target, new AbortController().signal);
    const certificate = socket.getPeerCertificate();
    socket.destroy();
    return certificate;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
    this.files[Symbol.dispose]();
  }
}
