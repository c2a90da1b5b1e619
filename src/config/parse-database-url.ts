import { isIPv6 } from 'node:net';

import { SSL_MODES, TLS_FIELDS, TLS_PARAMETERS, tlsSettings, urlTlsFaults } from './given-tls.ts';
import type { GivenTls } from './given-tls.ts';
import { isHost } from './is-host.ts';
import { Secret } from './secret.ts';
import type { DatabaseConnectionSettings } from './settings.ts';

/** A URL as a connection, or everything that is wrong with it, in words that hold none of its values. */
export type ParsedDatabaseUrl =
  | { readonly connection: DatabaseConnectionSettings }
  | { readonly faults: readonly string[] };

const SHAPE =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^:@/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<host>\[[^\]@/?#]*\]|[^:@/?#]*)(?<port>:[^:@/?#]*)?(?:\/(?<database>[^@?#]*))?(?:\?(?<query>[^@#]+))?$/i;
const ENCODE =
  'must be postgresql://user:password@host:port/database, with # % @ / ? : and blanks in a part written as %23 %25 %40 %2F %3F %3A %20';
/** PostgreSQL cuts longer names (NAMEDATALEN - 1 bytes). */
const LONGEST_NAME = 63;

/**
 * Parses `postgresql://user:password@host:port/database`, with `sslmode`, `sslrootcert`, `sslcert` and `sslkey` as
 * parameters. What it does not say of TLS, `variables` say. Node's own parser is not asked: it guesses
 * where a raw `@`, `/` or `#` in a password belongs, and its errors carry the whole text.
 */
export function parseDatabaseUrl(url: string, variables: GivenTls = {}): ParsedDatabaseUrl {
  if (!/^postgres(?:ql)?:\/\//i.test(url)) {
    return { faults: ['must start with postgresql:// or postgres://'] };
  }
  const parts = SHAPE.exec(url)?.groups;
  if (parts === undefined || hasControl(url) || /[ \\]/.test(url) || !url.isWellFormed()) {
    return { faults: [ENCODE] };
  }

  const user = decode(parts.user ?? '');
  const password = decode(parts.password ?? '');
  const database = decode(parts.database ?? '');
  const host = (parts.host ?? '').replace(/^\[(.*)\]$/, '$1');
  const port = Number(parts.port?.slice(1) ?? '5432');
  const given = readParameters(parts.query ?? '');
  const faults = [
    ...nameFaults('user', user),
    ...passwordFaults(password),
    ...hostFaults(host, parts.host !== host),
    ...(/^(?::[0-9]{1,5})?$/.test(parts.port ?? '') && port >= 1 && port <= 65_535
      ? []
      : ['must have a port from 1 to 65535, or none']),
    ...nameFaults('database', database),
    ...(parts.database?.includes('/') ? ['must have / in the database name written as %2F'] : []),
    ...given.faults,
    ...urlTlsFaults(given.tls, variables),
  ];
  if (faults.length > 0 || user === undefined || database === undefined) return { faults };
  const tls = tlsSettings(given.tls, variables);
  return {
    connection: {
      host,
      port,
      database,
      user,
      password: password ? new Secret(password) : undefined,
      ...(tls !== undefined && { tls }),
    },
  };
}

function nameFaults(what: 'user' | 'database', name: string | undefined): string[] {
  if (name === undefined) return [`must have % in the ${what} written as %25`];
  if (name === '') return [`must name a ${what}`];
  if (hasControl(name)) return [`must name a ${what} without control characters`];
  if (Buffer.byteLength(name) > LONGEST_NAME) {
    return [`must name a ${what} of at most ${LONGEST_NAME} bytes`];
  }
  return [];
}

function passwordFaults(password: string | undefined): string[] {
  if (password === undefined) return ['must hold a password whose % are written as %25'];
  return password.includes('\0') ? ['must hold a password without a NUL character'] : [];
}

function hostFaults(host: string, bracketed: boolean): string[] {
  if (host === '') return ['must name a host'];
  if (/%2f/i.test(host)) return ['must name a host: unix sockets are not supported'];
  if (host.includes(',')) return ['must name one host'];
  if (bracketed ? isIPv6(host) && isHost(host) : isHost(host)) return [];
  return ['must name a host by ASCII name, IPv4 address or [IPv6 address]'];
}

/** What the parameters say of TLS, the only thing they may speak of, and what is wrong with them. */
function readParameters(query: string): { tls: GivenTls; faults: readonly string[] } {
  const faults = new Set<string>();
  const given: Partial<Record<keyof GivenTls, string>> = {};
  for (const pair of query.split('&').filter((pair) => pair !== '')) {
    const [name = '', ...rest] = pair.split('=');
    const value = decode(rest.join('='));
    const field = TLS_FIELDS.find((field) => TLS_PARAMETERS[field] === name);
    if (field === undefined || rest.length === 0) {
      const known = /^[a-z][a-z0-9_.]{0,62}$/i.test(name) ? `the parameter ${name}` : 'a parameter';
      const all = Object.values(TLS_PARAMETERS).join(', ');
      faults.add(`has ${known} that is not supported: only ${all} with a value are`);
    } else if (given[field] !== undefined) {
      faults.add(`must have ${name} once`);
    } else if (field !== 'mode' && (value === undefined || value === '' || hasControl(value))) {
      faults.add(`must have the path of a file as ${name}, with % written as %25`);
    } else {
      given[field] = value ?? '';
    }
  }
  const { mode: sslmode, ...files } = given;
  const mode = SSL_MODES.find((mode) => mode === sslmode);
  if (sslmode !== undefined && mode === undefined) {
    faults.add(`sslmode must be one of ${SSL_MODES.join(', ')}`);
  }
  return { tls: { ...files, ...(mode !== undefined && { mode }) }, faults: [...faults] };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
