import type { DatabaseConnection } from './database-options.ts';
import { DatabaseError } from './database-error.ts';

/**
 * Reads `postgresql://user:password@host:port/database`. Parameters are refused, since an ignored `sslmode` would be
 * a silent plain-text connection; settings other than the address come as options.
 *
 * @throws DatabaseError `CONFIG_INVALID`, never quoting the URL
 */
export function connectionFromUrl(text: string): DatabaseConnection {
  // Node's own error would carry the URL with its password.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^postgres(ql)?:$/.test(url.protocol) ||
    url.hostname === '' ||
    url.pathname.length < 2
  ) {
    throw new DatabaseError(
      'CONFIG_INVALID',
      'the database URL must read postgresql://user:password@host:port/database',
    );
  }
  if (text.includes('?') && url.search !== '?sslmode=disable') {
    throw new DatabaseError(
      'CONFIG_INVALID',
      'the database URL must have no parameters other than sslmode=disable',
    );
  }
  const password = decodeURIComponent(url.password);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 5432 : Number(url.port),
    database: decodeURIComponent(url.pathname.slice(1)),
    user: decodeURIComponent(url.username),
    password: password === '' ? undefined : { reveal: () => password },
  };
}
