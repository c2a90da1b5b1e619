import { isIP } from 'node:net';

import { ConfigError } from './config-error.ts';
import { FaultList } from './fault-list.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';
import { readSecretFile } from './read-secret-file.ts';
import { testVariables } from './test-variables.ts';
import type { DatabaseConnectionSettings } from './settings.ts';
import type { EnvironmentVariables } from './parse-settings.ts';

/** Where the tests get their PostgreSQL from. */
export type TestDatabase =
  | { readonly server: 'embedded' | 'testcontainers' }
  | { readonly server: 'url'; readonly connection: DatabaseConnectionSettings };

/**
 * Reads TEST_POSTGRES and TEST_DATABASE_URL; the URL alone means `url`. The database's name must end
 * in `_test`, and it may not be the one of DATABASE_URL by another spelling. Throws ConfigError.
 */
export function parseTestDatabaseUrl(env: EnvironmentVariables): TestDatabase {
  const { TEST_DATABASE_URL: url } = env;
  const faults = new FaultList();
  const choice = testVariables.TEST_POSTGRES.safeParse(env.TEST_POSTGRES || undefined);
  for (const issue of choice.error?.issues ?? []) faults.add('TEST_POSTGRES', issue.message);
  const server = choice.data ?? (url ? 'url' : 'embedded');
  const connection = url ? guarded(url, env, faults) : undefined;
  if (server === 'url' && !url) {
    faults.add('TEST_DATABASE_URL', 'must be set when TEST_POSTGRES is url');
  }
  if (faults.lines().length > 0) throw new ConfigError(faults.lines());
  return server === 'url' && connection !== undefined
    ? { server, connection }
    : { server: server === 'testcontainers' ? server : 'embedded' };
}

function guarded(
  url: string,
  env: EnvironmentVariables,
  faults: FaultList,
): DatabaseConnectionSettings | undefined {
  const parsed = parseDatabaseUrl(url);
  if ('faults' in parsed) {
    for (const fault of parsed.faults) faults.add('TEST_DATABASE_URL', fault);
    return undefined;
  }
  const { connection } = parsed;
  if (connection.tls !== undefined) {
    faults.add('TEST_DATABASE_URL', 'must not ask for TLS: the tests connect in plain text');
  }
  if (!connection.database.endsWith('_test')) {
    faults.add('TEST_DATABASE_URL', 'must name a database that ends in _test');
  }
  const main = mainUrl(env);
  if (main === undefined) return connection;
  const parsedMain = parseDatabaseUrl(main);
  if ('faults' in parsedMain) {
    faults.add('DATABASE_URL', 'must be valid or unset, so that the tests can tell it from theirs');
  } else if (place(parsedMain.connection) === place(connection)) {
    faults.add('TEST_DATABASE_URL', 'must not be the database of DATABASE_URL');
  }
  return connection;
}

/** The URL of the main database; a file that cannot be read counts as a faulty URL. */
function mainUrl(env: EnvironmentVariables): string | undefined {
  if (env.DATABASE_URL) return env.DATABASE_URL;
  if (!env.DATABASE_URL_FILE) return undefined;
  const file = readSecretFile(env.DATABASE_URL_FILE);
  return 'value' in file ? file.value : '';
}

/** One text for all spellings of one database. Case is dropped: refusing too much does no harm. */
function place({ host, port, database }: DatabaseConnectionSettings): string {
  return `${canonicalHost(host)}/${port}/${database}`.toLowerCase();
}

function canonicalHost(host: string): string {
  // The parser of web addresses knows the short, octal and hexadecimal forms of an address.
  const web = `http://${isIP(host) === 6 ? `[${host}]` : host}/`;
  const name = (URL.canParse(web) ? new URL(web).hostname : host).toLowerCase().replace(/\.$/, '');
  const isLoopback =
    /^127\.|^(?:.*\.)?localhost$|^localhost\./.test(name) ||
    ['0.0.0.0', '[::1]', '[::]'].includes(name) ||
    name.startsWith('[::ffff:7f');
  return isLoopback ? 'localhost' : name;
}
