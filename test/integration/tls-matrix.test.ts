import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseSettings } from '#config/parse-settings.ts';
import { SSL_MODES } from '#config/given-tls.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { selfSigned, TestAuthority } from '#test/support/certificates.ts';
import type { Identity } from '#test/support/certificates.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { openConnection } from '#test/support/open-connection.ts';
import { TlsProxy } from '#test/support/tls-proxy.ts';
import type { TlsManners } from '#test/support/tls-proxy.ts';
import { TlsServer } from '#test/support/tls-server.ts';

type Mode = (typeof SSL_MODES)[number];

const LOCALHOST = { type: 'dns', value: 'localhost' } as const;
const ADDRESS = { type: 'ip', value: '127.0.0.1' } as const;
/** What a server says that lets anybody in: AuthenticationOk, ReadyForQuery. */
const WELCOME = Uint8Array.of(82, 0, 0, 0, 8, 0, 0, 0, 0, 90, 0, 0, 0, 5, 73);

/** What every kind of server makes of every mode: in plain text, over TLS, or not at all and why. */
const MATRIX = {
  //                                    disable  require    verify-ca  verify-full
  'without TLS': ['plain', 'DB_TLS', 'DB_TLS', 'DB_TLS'],
  'known authority, right name': ['plain', 'tls', 'tls', 'tls'],
  'known authority, wrong name': ['plain', 'tls', 'tls', 'DB_TLS'],
  'other authority': ['plain', 'tls', 'DB_TLS', 'DB_TLS'],
  expired: ['plain', 'tls', 'DB_TLS', 'DB_TLS'],
  'self-signed': ['plain', 'tls', 'DB_TLS', 'DB_TLS'],
  'address, in the certificate': ['plain', 'tls', 'tls', 'tls'],
  'address, not in the certificate': ['plain', 'tls', 'tls', 'DB_TLS'],
  'proxy that says no': ['plain', 'DB_TLS', 'DB_TLS', 'DB_TLS'],
  'proxy that injects': ['plain', 'DB_TLS', 'DB_TLS', 'DB_TLS'],
  'proxy that injects later': ['plain', 'DB_TLS', 'DB_TLS', 'DB_TLS'],
  'proxy that ends TLS': ['plain', 'DB_TLS', 'DB_TLS', 'DB_TLS'],
  'TLS 1.1 alone': ['plain', 'DB_TLS', 'DB_TLS', 'DB_TLS'],
} as const;
type Kind = keyof typeof MATRIX;

/** Why `verify-full` refuses, of those that it does. */
const REASONS: Partial<Record<Kind, RegExp>> = {
  'without TLS': /does not offer TLS/,
  'known authority, wrong name': /ERR_TLS_CERT_ALTNAME_INVALID/,
  'other authority': /UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
  expired: /CERT_HAS_EXPIRED/,
  'self-signed': /DEPTH_ZERO_SELF_SIGNED_CERT/,
  'address, not in the certificate': /ERR_TLS_CERT_ALTNAME_INVALID/,
  'proxy that says no': /does not offer TLS/,
  'proxy that injects': /plain text before the handshake/,
  'proxy that injects later': /ERR_SSL_/,
  'proxy that ends TLS': /reached in plain text/,
  'TLS 1.1 alone': /ERR_SSL_.*VERSION/,
};

let server: TlsServer;
let rootCert: string;
const resources = new AsyncDisposableStack();
/** Where each kind of server is, and what it has to do before it is one. */
const places = new Map<Kind, { host: string; port: number; become: () => Promise<void> }>();

beforeAll(async () => {
  const [authority, other] = await Promise.all([
    TestAuthority.create('known'),
    TestAuthority.create('other'),
  ]);
  const good = await authority.issue({ commonName: 'db', names: [LOCALHOST, ADDRESS] });
  const shown: Partial<Record<Kind, Identity>> = {
    'known authority, right name': await authority.issue({ commonName: 'db', names: [LOCALHOST] }),
    'known authority, wrong name': await authority.issue({
      commonName: 'localhost',
      names: [{ type: 'dns', value: 'db.example.com' }],
    }),
    'other authority': await other.issue({ commonName: 'db', names: [LOCALHOST] }),
    expired: await authority.issue({ commonName: 'db', names: [LOCALHOST], days: -1 }),
    'self-signed': await selfSigned({ commonName: 'db', names: [LOCALHOST] }),
    'address, in the certificate': await authority.issue({ commonName: 'db', names: [ADDRESS] }),
    'address, not in the certificate': await authority.issue({
      commonName: '127.0.0.1',
      names: [LOCALHOST],
    }),
  };
  server = resources.use(await TlsServer.start(good, authority));
  rootCert = server.files.write('root.crt', authority.pem);
  const { port } = server.address;
  for (const [kind, identity] of Object.entries(shown) as [Kind, Identity][]) {
    const host = kind.startsWith('address') ? '127.0.0.1' : 'localhost';
    places.set(kind, { host, port, become: () => server.present(identity) });
  }
  const proxies: Partial<Record<Kind, TlsManners>> = {
    'proxy that says no': { kind: 'refuses' },
    'proxy that injects': { kind: 'injects', bytes: WELCOME },
    'proxy that injects later': { kind: 'injects', bytes: WELCOME, isLater: true },
    'proxy that ends TLS': { kind: 'terminates', options: { ...good } },
    'TLS 1.1 alone': {
      kind: 'terminates',
      options: { ...good, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' },
    },
  };
  for (const [kind, manners] of Object.entries(proxies) as [Kind, TlsManners][]) {
    const proxy = resources.use(await TlsProxy.start(server.address, manners));
    places.set(kind, { host: 'localhost', port: proxy.port, become: () => Promise.resolve() });
  }
  places.set('without TLS', { ...inject('postgres').address, become: () => Promise.resolve() });
});

afterAll(() => resources.disposeAsync());

/** The connection that the settings give: by variables, or by the URL alone. */
function settingsOf(kind: Kind, mode: Mode, isInUrl: boolean): DatabaseConnection {
  const { host, port } = places.get(kind) ?? { host: '', port: 0 };
  const address = kind === 'without TLS' ? inject('postgres').address : server.address;
  const url = databaseUrl({ ...address, host, port });
  const files = mode.startsWith('verify');
  const env = isInUrl
    ? { DATABASE_URL: `${url}?sslmode=${mode}${files ? `&sslrootcert=${rootCert}` : ''}` }
    : {
        DATABASE_URL: url,
        DB_SSL_MODE: mode,
        ...(files && { DB_SSL_ROOT_CERT: rootCert }),
      };
  const { connection } = parseSettings(env).settings.database;
  if (connection === undefined) throw new Error('the settings name no server');
  return connection;
}

/** How a connection came about, or the error. */
async function attempt(connection: DatabaseConnection): Promise<string | DatabaseError> {
  try {
    const opened = await openConnection(connection);
    const { rows } = await opened.client.query<{ ssl: boolean }>(
      'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
    );
    await opened.close(1000);
    return rows[0]?.ssl === true ? 'tls' : 'plain';
  } catch (error) {
    if (error instanceof DatabaseError) return error;
    throw error;
  }
}

describe('S1, S2, S3: TLS to the server', () => {
  it('connects in exactly those cells in which the server is what the mode wants', async () => {
    const found: Record<string, { variables: string[]; url: string[]; reason: string }> = {};
    for (const kind of Object.keys(MATRIX) as Kind[]) {
      await places.get(kind)?.become();
      const cells = async (isInUrl: boolean) =>
        await Promise.all(SSL_MODES.map((mode) => attempt(settingsOf(kind, mode, isInUrl))));
      const [variables, url] = [await cells(false), await cells(true)];
      const last = variables.at(-1);
      found[kind] = {
        variables: variables.map(named),
        url: url.map(named),
        reason: last instanceof DatabaseError ? last.message : '',
      };
    }

    const expected = Object.fromEntries(
      (Object.keys(MATRIX) as Kind[]).map((kind) => [
        kind,
        {
          variables: MATRIX[kind],
          url: MATRIX[kind],
          reason: expect.stringMatching(REASONS[kind] ?? /^$/),
        },
      ]),
    );
    expect(found).toEqual(expected);
  });
});

function named(result: string | DatabaseError): string {
  return result instanceof DatabaseError ? result.code : result;
}
