import { isIPv6 } from 'node:net';

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
 * Parses `postgresql://user:password@host:port/database`. Node's own parser is not asked: it guesses
 * where a raw `@`, `/` or `#` in a password belongs, and its errors carry the whole text.
 */
export function parseDatabaseUrl(url: string): ParsedDatabaseUrl {
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
  const faults = [
    ...nameFaults('user', user),
    ...passwordFaults(password),
    ...hostFaults(host, parts.host !== host),
    ...(/^(?::[0-9]{1,5})?$/.test(parts.port ?? '') && port >= 1 && port <= 65_535
      ? []
      : ['must have a port from 1 to 65535, or none']),
    ...nameFaults('database', database),
    ...(parts.database?.includes('/') ? ['must have / in the database name written as %2F'] : []),
    ...parameterFaults(parts.query ?? ''),
  ];
  if (faults.length > 0 || user === undefined || database === undefined) return { faults };
  return {
    connection: {
      host,
      port,
      database,
      user,
      password: password ? new Secret(password) : undefined,
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

function parameterFaults(query: string): string[] {
  const faults = query.split('&').map((pair) => {
    const [name = '', value] = pair.split('=', 2);
    if (pair === '' || pair === 'sslmode=disable') return undefined;
    if (name === 'sslmode' && value !== undefined) {
      return 'sslmode must be disable, since TLS to the database is not built yet';
    }
    const known = /^[a-z][a-z0-9_.]{0,62}$/i.test(name) ? `the parameter ${name}` : 'a parameter';
    return `has ${known} that is not supported: only sslmode=disable is`;
  });
  return [...new Set(faults.filter((fault) => fault !== undefined))];
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
